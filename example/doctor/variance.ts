/** How exact the sampled gradient is, by the number of samples, on one batch. */

import { auditGradient, type Gpu, type Tensor } from "../../mod.ts";
import type { Batch } from "../data/row_batch.ts";
import { uploadIds } from "../evaluation/evaluate.ts";
import type { WordModel } from "../model/model.ts";
import { isFromBatch, type Settings } from "../options/settings.ts";
import { formatCount, formatNumber } from "../shared/progress.ts";
import type { Fact } from "./finding.ts";

/** Draws of the noise for each number of samples. */
const DRAWS = 4;
/** Numbers of a gradient that can be compared in a second or two. */
const MAX_NUMBERS = 2 ** 22;
/** Factors of `--noise-ratio` that are tried. */
const FACTORS = [0.2, 1, 5];

/** The gradient's variance with `samples` samples. */
export interface Variance {
  /** `--noise-ratio`. */
  readonly samples: number;
  /** Mean square of the sampled gradient's distance from its mean, over the exact gradient's square. */
  readonly variance: number;
  /** Mean cosine between the sampled and the exact gradient. */
  readonly cosine: number;
}

/**
 * Compares the gradient of the output layer's sampled loss with the exact one, for several numbers of
 * samples; undefined if the layer is too large to do so in seconds.
 */
export async function measureVariance(
  gpu: Gpu,
  model: WordModel,
  batch: Batch,
  settings: Settings,
): Promise<Variance[] | undefined> {
  const { criterion } = model, { noise, noiseRatio, unique, seed } = settings;
  const numbers = criterion.parameters().reduce((sum, [, tensor]) => sum + tensor.size, 0);
  if (numbers > MAX_NUMBERS) return undefined;
  const isFixed = unique || noise === "batch", most = criterion.noise.numClasses;
  const tried = FACTORS.map((factor) => Math.max(1, Math.round(factor * noiseRatio)))
    .filter((k) => k === noiseRatio || (!isFixed && k <= most));
  using context = contextOf(gpu, model, batch);
  const found: Variance[] = [];
  for (const samples of new Set(tried)) {
    criterion.noiseRatio = samples;
    const { variance, cosine } = await auditGradient(
      gpu,
      criterion,
      (step) => [step.upload(batch.target, [batch.steps, batch.batchSize]), context],
      { draws: DRAWS, seed },
    );
    found.push({ samples, variance, cosine });
  }
  criterion.noiseRatio = noiseRatio;
  await criterion.takeHits(gpu); // these do not count
  return found;
}

function contextOf(gpu: Gpu, model: WordModel, batch: Batch): Tensor {
  using step = gpu.step();
  const { input, resets } = uploadIds(step, batch);
  return step.keep(model.context(step, input, { resets }).context);
}

/** The variances as a finding, with the number of samples that is enough. */
export function varianceFact(
  found: readonly Variance[] | undefined,
  { noise, noiseRatio, unique }: Settings,
): Fact {
  const about = { subject: "noise", name: "gradient" } as const;
  if (found === undefined) {
    const text = `not compared: the output layer has over ${formatCount(MAX_NUMBERS)} numbers`;
    return { ...about, text, cure: undefined };
  }
  const own = found.find(({ samples }) => samples === noiseRatio)!;
  const enough = found.find(({ variance }) => variance <= 1);
  const shown = found.map(({ samples, variance, cosine }) =>
    `${noise === "batch" ? "" : `k = ${formatCount(samples)}: `}variance ${
      formatNumber(variance)
    } (cosine ${cosine.toFixed(2)})`
  );
  const more = enough === undefined ? [] : [`--noise-ratio ${enough.samples}`];
  const batch = isFromBatch(noise) || unique ? [] : [`--noise batch+${noise}`];
  return {
    ...about,
    text: `on one batch, against the exact gradient's square: ${shown.join(", ")}`,
    cure: own.variance <= 1 ? undefined : [...more, ...batch].join(" or ") || "a larger batch",
    figures: Object.fromEntries(
      found.map(({ samples, variance }) => [`k=${samples}`, variance]),
    ),
  };
}
