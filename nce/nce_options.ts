/** Settings of a noise contrastive loss, and the checks on them. */

import {
  expectBoolean,
  expectFinite,
  expectFromZero,
  expectOneOf,
  expectPositive,
} from "../kernels/device/expect.ts";
import type { Gpu } from "../kernels/gpu.ts";
import { expectOptions } from "./nn/module.ts";
import {
  expectAllClasses,
  expectDrawable,
  expectSource,
  isNoiseSource,
  type NoiseSource,
} from "./noise/noise.ts";

/**
 * Which loss: exact cross entropy, NCE, sampled softmax, the mean of the last two, or negative sampling.
 */
export type LossType = "full" | "nce" | "sampled" | "mix" | "neg";

/** How the losses of the targets are combined. */
export type Reduction = "none" | "mean" | "sum";

const LOSS_TYPES: readonly LossType[] = ["full", "nce", "sampled", "mix", "neg"];
const REDUCTIONS: readonly Reduction[] = ["none", "mean", "sum"];

/** Settings of a {@linkcode NCELoss}; the names are those of Pytorch-NCE. */
export interface NCEOptions {
  /** [V] Counts or probabilities of the noise, by class; or a source, which then belongs to the layer. */
  noise: ArrayLike<number> | NoiseSource;
  /** k, the number of noise samples for a target; unless given, what a source is made for, or 100. */
  noiseRatio?: number;
  /** c, the assumed ln Z; `"auto"` (unless given) is ln V, `"learned"` a parameter that starts there. */
  normTerm?: number | "auto" | "learned";
  /** How the losses of the targets are combined; `"mean"` unless given. */
  reduction?: Reduction;
  /** Draw separate noise for each target; false unless given. */
  perWord?: boolean;
  /** Which loss; `"nce"` unless given. */
  lossType?: LossType;
  /**
   * In `sampled`, leave out noise that equals the target, as TensorFlow does; false unless given. The other losses keep
   * it, as they must.
   */
  removeHits?: boolean;
  /**
   * alpha of the penalty `alpha (ln Z - c)^2` that pulls Z towards exp(c): with the exact Z in `full`, else with its
   * estimate from the noise; 0 unless given.
   */
  selfNorm?: number;
  /** The layer's path in its model, as in "criterion"; empty unless given. */
  name?: string;
}

/** The names of {@linkcode NCEOptions}. */
export const NCE_OPTIONS = [
  ...["noise", "noiseRatio", "normTerm", "reduction", "perWord", "lossType"] as const,
  ...["removeHits", "selfNorm", "name"] as const,
];

/** Throws a RangeError unless there is such a loss. */
export function expectLossType(doing: string, lossType: unknown): void {
  expectOneOf(doing, "lossType", lossType, LOSS_TYPES);
}

/** Throws a RangeError unless `source`, if it is given, can draw `noiseRatio` samples. */
export function expectRatio(doing: string, noiseRatio: number, source?: NoiseSource): void {
  expectPositive(doing, "noiseRatio", noiseRatio);
  if (source) expectDrawable(noiseRatio, source);
}

/** The options with defaults filled in; throws unless a loss called `module` can be made of these arguments. */
export function checkedOptions(
  module: string,
  gpu: Gpu,
  options: NCEOptions,
): Required<NCEOptions> {
  expectOptions(module, gpu, options, [], NCE_OPTIONS);
  const doing = `make ${module}`;
  const { noise, normTerm = "auto", reduction = "mean", lossType = "nce" } = options;
  const { perWord = false, removeHits = false, selfNorm = 0, name = "" } = options;
  const source = isNoiseSource(noise) ? noise : undefined;
  const { noiseRatio = source?.noiseRatio ?? 100 } = options;
  expectRatio(doing, noiseRatio, source);
  if (source) {
    expectSource(doing, gpu, source);
    expectAllClasses(doing, source);
  }
  if (typeof normTerm === "number") expectFinite(doing, "normTerm", normTerm);
  else expectOneOf(doing, "normTerm", normTerm, ["auto", "learned"]);
  expectOneOf(doing, "reduction", reduction, REDUCTIONS);
  expectLossType(doing, lossType);
  expectBoolean(doing, "perWord", perWord);
  expectBoolean(doing, "removeHits", removeHits);
  expectFromZero(doing, "selfNorm", selfNorm);
  return { noise, noiseRatio, normTerm, reduction, lossType, perWord, removeHits, selfNorm, name };
}
