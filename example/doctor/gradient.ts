/** How exact the sampled gradient is, by the number of samples, on one batch. */

import type { Gpu } from "../../mod.ts";
import type { Batch } from "../data/row_batch.ts";
import type { WordModel } from "../model/model.ts";
import { isFromBatch } from "../options/choices.ts";
import type { Settings } from "../options/options.ts";
import { formatCount } from "../shared/format.ts";
import { formatNoise, isEnough, noiseOf, UNMEASURED } from "../shared/gradient_noise.ts";
import { auditModel } from "../training/gradient_audit.ts";
import { type Finding, finding } from "./finding.ts";

/** Draws of the noise for each number of samples. */
const DRAWS = 4;
/** Numbers of a gradient that can be compared in a second or two. */
const MAX_NUMBERS = 2 ** 22;
/** Factors of `--noise-ratio` that are tried. */
const FACTORS = [0.2, 1, 5];

/** The gradient with `samples` samples. */
export interface Exactness {
  /** `--noise-ratio`. */
  readonly samples: number;
  /** Noise over signal, {@linkcode noiseOf}. */
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
  const found: Exactness[] = [];
  try {
    for (const samples of new Set(tried)) {
      criterion.noiseRatio = samples;
      const audit = await auditModel(gpu, model, batch, { draws: DRAWS, seed });
      found.push({ samples, noise: noiseOf(audit), cosine: audit.cosine });
    }
    return found;
  } finally {
    criterion.noiseRatio = noiseRatio;
  }
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
  const list = (textOf: (one: Exactness) => string) =>
    found.map((one) =>
      textOf(one) + (noise === "batch" ? "" : ` at k = ${formatCount(one.samples)}`)
    ).join(", ");
  const figuresOf = (name: "noise" | "cosine") =>
    Object.fromEntries(found.map((one) => [`${name} of k=${one.samples}`, one[name]]));
  const cosines = list(({ cosine }) => cosine.toFixed(2));
  if (isFromBatch(noise)) {
    const text = `cosine to the exact one on one batch: ${cosines}; ${UNMEASURED}`;
    return finding("noise", "gradient", { text, figures: figuresOf("cosine") });
  }
  const own = found.find(({ samples }) => samples === noiseRatio)!;
  const enough = found.find(({ noise, samples }) => isEnough(noise) && samples > noiseRatio);
  const more = enough === undefined ? [] : [`--noise-ratio ${enough.samples}`];
  const batch = unique ? [] : [`--noise batch+${noise}`];
  const noises = list(({ noise }) => formatNoise(noise));
  return finding("noise", "gradient", {
    text: `noise over signal on one batch: ${noises}; cosine to the exact one: ${cosines}`,
    cure: !isEnough(own.noise) && ([...more, ...batch].join(" or ") || "a larger batch"),
    figures: { ...figuresOf("noise"), ...figuresOf("cosine") },
  });
}
