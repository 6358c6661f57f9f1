/** How exact the sampled gradient is, by the number of samples, on one batch. */

import { type Audit, auditGradient, type Gpu } from "../../mod.ts";
import type { Batch } from "../data/row_batch.ts";
import { contextOf } from "../evaluation/evaluate.ts";
import type { WordModel } from "../model/model.ts";
import { isFromBatch, type Settings } from "../options/settings.ts";
import { formatCount } from "../shared/format.ts";
import { type Finding, finding } from "./finding.ts";

/** Draws of the noise for each number of samples. */
const DRAWS = 4;
/** Numbers of a gradient that can be compared in a second or two. */
const MAX_NUMBERS = 2 ** 22;
/** Noise, in lengths of the mean gradient, from which on more samples pay. */
const ENOUGH = 1;
/** More noise than this cannot be told from so few draws. */
const MAX_NOISE = 5;
/** Factors of `--noise-ratio` that are tried. */
const FACTORS = [0.2, 1, 5];

/** The gradient with `samples` samples. */
export interface Exactness {
  /** `--noise-ratio`. */
  readonly samples: number;
  /**
   * Standard deviation of the sampled gradient over the length of its mean. It is not measured against the
   * exact gradient, whose length NCE's has for large k only. At most 5.
   */
  readonly noise: number;
  /** Mean cosine between the sampled and the exact gradient. */
  readonly cosine: number;
}

/**
 * Compares the gradient of the output layer's sampled loss with the exact one, for several numbers of
 * samples; undefined if the layer is too large to do so in seconds.
 *
 * @param fits Whether the device takes a batch with this number of samples.
 */
export async function measureGradient(
  gpu: Gpu,
  model: WordModel,
  batch: Batch,
  settings: Settings,
  fits: (samples: number) => boolean,
): Promise<Exactness[] | undefined> {
  const { criterion } = model, { noise, noiseRatio, unique, seed } = settings;
  const numbers = criterion.parameters().reduce((sum, [, tensor]) => sum + tensor.size, 0);
  if (numbers > MAX_NUMBERS) return undefined;
  const isFixed = unique || noise === "batch", most = criterion.noise.numClasses;
  const tried = FACTORS.map((factor) => Math.max(1, Math.round(factor * noiseRatio)))
    .filter((k) => k === noiseRatio || (!isFixed && k <= most && fits(k)));
  using context = contextOf(gpu, model, batch);
  const found: Exactness[] = [];
  for (const samples of new Set(tried)) {
    criterion.noiseRatio = samples;
    const audit = await auditGradient(
      gpu,
      criterion,
      (step) => [step.upload(batch.target, [batch.steps, batch.batchSize]), context],
      { draws: DRAWS, seed },
    );
    found.push({ samples, noise: noiseOf(audit), cosine: audit.cosine });
  }
  criterion.noiseRatio = noiseRatio;
  await criterion.takeHits(gpu); // these do not count
  return found;
}

/** The noise, corrected for the few draws: the square of their mean holds a part of the variance. */
function noiseOf({ variance, length }: Audit): number {
  const ofOne = variance * DRAWS / (DRAWS - 1), signal = length ** 2 - ofOne / DRAWS;
  return signal > 0 ? Math.min(MAX_NOISE, Math.sqrt(ofOne / signal)) : MAX_NOISE;
}

/** The gradients as a finding, with the number of samples that is enough. */
export function gradientFact(
  found: readonly Exactness[] | undefined,
  { noise, noiseRatio, unique }: Settings,
): Finding {
  if (found === undefined) {
    const text = `not compared: the output layer has over ${formatCount(MAX_NUMBERS)} numbers`;
    return finding("noise", "gradient", { text });
  }
  const own = found.find(({ samples }) => samples === noiseRatio)!;
  const enough = found.find(({ noise, samples }) => noise <= ENOUGH && samples > noiseRatio);
  const noises = found.map((at) =>
    (at.noise < MAX_NOISE ? at.noise.toFixed(2) : `${MAX_NOISE} or more`) +
    (noise === "batch" ? "" : ` at k = ${formatCount(at.samples)}`)
  );
  const cosines = found.map(({ cosine }) => cosine.toFixed(2));
  const more = enough === undefined ? [] : [`--noise-ratio ${enough.samples}`];
  const batch = isFromBatch(noise) || unique ? [] : [`--noise batch+${noise}`];
  return finding("noise", "gradient", {
    text: `noise over signal on one batch: ${noises.join(", ")}; cosine to the exact one: ` +
      cosines.join(", "),
    cure: own.noise > ENOUGH && ([...more, ...batch].join(" or ") || "a larger batch"),
    figures: Object.fromEntries(
      found.flatMap(({ samples, noise, cosine }) => [
        [`noise of k=${samples}`, noise],
        [`cosine of k=${samples}`, cosine],
      ]),
    ),
  });
}
