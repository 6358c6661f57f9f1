/** Choices of options. */

/** Training losses. */
export const LOSSES = ["full", "nce", "sampled", "mix", "neg"] as const;
/** Distributions to draw noise from. */
const DRAWN = ["unigram", "uniform", "log-uniform"] as const;
type DrawnNoise = typeof DRAWN[number];
/** Noise sources; `batch+` combines the batch with another. */
export const NOISES = [
  ...DRAWN,
  "batch",
  "batch+unigram",
  "batch+uniform",
  "batch+log-uniform",
] as const;
/** What scores a word. */
export const INDEX_MODULES = ["linear", "gru"] as const;
/** How tables of words store their numbers. */
export const TABLE_DTYPES = ["f32", "f16"] as const;
/** How weights are updated. */
export const OPTIMIZERS = ["sgd", "adagrad", "rowwise-adagrad", "adam"] as const;

/** What products read the weights of the layers in. */
export const COMPUTES = ["f32", "f16"] as const;

/** Formats of n-best lists: JSON lines, SRILM's files, or Kaldi's text archives. */
export const FORMATS = ["json", "srilm", "kaldi"] as const;

/** A training loss. */
export type LossName = typeof LOSSES[number];
/** A noise source. */
export type NoiseName = typeof NOISES[number];
/** A format of n-best lists. */
export type NBestFormat = typeof FORMATS[number];
/** An optimizer. */
export type OptimizerName = typeof OPTIMIZERS[number];

/** Learning rates of the optimizers, unless one is given. */
export const DEFAULT_LR: Readonly<Record<OptimizerName, number>> = {
  sgd: 1,
  adagrad: 0.02,
  "rowwise-adagrad": 0.02,
  adam: 0.005,
};

/** Whether the batch's other targets are all or part of the noise. */
export function isFromBatch(noise: NoiseName): boolean {
  return noise.startsWith("batch");
}

/** The distribution that samples are drawn from; undefined if they are the batch's other targets alone. */
export function drawnFrom(noise: NoiseName): DrawnNoise | undefined {
  return DRAWN.find((name) => noise === name || noise === `batch+${name}`);
}

/** Whether `--data` selects the synthetic language rather than a folder. */
export function isSynthetic(data: string): boolean {
  return /^synthetic(:|$)/.test(data);
}
