/** What options choose among. */

/** Training losses. */
export const LOSSES = ["full", "nce", "sampled", "mix", "neg"] as const;
/** Noise sources; `batch` may be joined with another by `+`. */
export const NOISES = [
  "unigram",
  "uniform",
  "log-uniform",
  "batch",
  "batch+unigram",
  "batch+uniform",
  "batch+log-uniform",
] as const;
/** What scores a word. */
export const INDEX_MODULES = ["linear", "gru"] as const;

/** A training loss. */
export type LossName = typeof LOSSES[number];
/** Where noise comes from. */
export type NoiseName = typeof NOISES[number];

/** Whether noise is, among others, the other targets of the batch. */
export function isFromBatch(noise: NoiseName): boolean {
  return noise.startsWith("batch");
}

/** Whether `--data` asks for the made-up language rather than naming a folder. */
export function isSynthetic(data: string): boolean {
  return /^synthetic(:|$)/.test(data);
}
