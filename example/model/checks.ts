/**
 * Checks from sizes alone that everything fits the device, before anything is allocated. An error names the
 * options that make a tensor too large, and the largest value of each that fits.
 */

import type { Gpu } from "../../mod.ts";
import { type BatchDimensions, elementsOf } from "../data/row_batch.ts";
import { Failure } from "../shared/errors.ts";
import { formatCount } from "../shared/format.ts";
import { firstIndex } from "../shared/search.ts";
import { flagOf } from "../options/option.ts";
import { isFromBatch } from "../options/choices.ts";
import type { EvaluationKind } from "../options/evaluation_kind.ts";
import {
  batchNeeds,
  type BatchShape,
  type Bounds,
  isMet,
  modelNeeds,
  type Need,
  resized,
  type Size,
  type Sizes,
} from "./needs.ts";
import type { Sentences } from "../data/sentences.ts";
import { product } from "./shapes.ts";

/** The bounds of a device and a vocabulary of `words` words. */
export function boundsOf(
  { maxTensorBytes }: Pick<Gpu, "maxTensorBytes">,
  words: number,
): Bounds {
  return { most: maxTensorBytes / 4, words };
}

/** The shape of the largest batch, made from `text` with or without `concat`. */
export function largestShape(
  text: Pick<Sentences, "tokens" | "length">,
  { steps, batchSize }: BatchDimensions,
  concat: boolean,
): BatchShape {
  // --batch-size counts sentences of mean length, of which a row holds several.
  const share = concat ? 1 : Math.min(1, text.tokens / text.length / steps);
  return { steps, rows: batchSize, share };
}

/** The batch with the most elements, padding included. */
export function largestBatch<Sized extends BatchDimensions>(batches: readonly Sized[]): Sized {
  return batches.reduce((a, b) => elementsOf(b) > elementsOf(a) ? b : a);
}

/** The tensor of a model and of its training that is nearest to its limit. */
export function fullest(settings: Sizes, bounds: Bounds, batch: BatchShape): Need {
  const part = ({ shape, most }: Need) => product(shape) / most;
  return [...modelNeeds(settings, bounds), ...batchNeeds(settings, bounds, batch, true)]
    .reduce((a, b) => part(b) > part(a) ? b : a);
}

/**
 * Checks that the model's parameters fit the device.
 *
 * @throws {Failure} One line: the options, the sizes, and what fits.
 */
export function checkModel(settings: Sizes, bounds: Bounds): void {
  expectFit((sizes) => modelNeeds(sizes, bounds), settings);
}

/**
 * Checks that a training step on the largest batch fits the device, apart from the sum of its tensors.
 *
 * @throws {Failure} One line: the options, the sizes, and what fits.
 */
export function checkTraining(settings: Sizes, bounds: Bounds, batch: BatchShape): void {
  expectFit(
    (sizes) => batchNeeds(sizes, bounds, resized(settings, sizes, batch), true),
    settings,
  );
}

/** An evaluation to be checked. */
export interface PlannedEvaluation {
  /** How a text is scored. */
  readonly kind: EvaluationKind;
  /** The text's batches. */
  readonly batches: readonly BatchDimensions[];
  /** Whether the model is a saved one, whose sizes are fixed. */
  readonly saved: boolean;
  /** The option that selects it, if it is not `--evaluation`. */
  readonly option?: string;
}

/**
 * Checks that an evaluation is possible: the largest batch fits the device, and the smallest has noise.
 *
 * @throws {Failure} One line: the options, the sizes, and what fits.
 */
export function checkEvaluation(
  settings: Sizes,
  bounds: Bounds,
  { kind, batches, saved, option = "--evaluation" }: PlannedEvaluation,
): void {
  if (kind === "loss") expectOthers(settings, batches);
  const { steps, batchSize } = largestBatch(batches), isSampled = typeof kind === "object";
  // No option sets the size of these batches.
  const own: readonly Size[] = saved ? [] : ["noiseRatio", "emsize", "nhid"];
  const free: readonly Size[] = isSampled ? ["noiseRatio", ...own] : own;
  const needs = (sizes: Sizes) =>
    batchNeeds(sizes, bounds, { steps, rows: batchSize }, false).map((need) => ({
      ...need,
      sizes: need.sizes.filter((size) => free.includes(size)),
    }));
  const show = (size: Size, value: number) =>
    isSampled && size === "noiseRatio" ? `${option} sampled:${value}` : spell(size, value);
  expectFit(needs, scoredAs(settings, kind), show);
}

/** The settings of a model as an evaluation uses them. */
function scoredAs(settings: Sizes, kind: EvaluationKind): Sizes {
  if (kind === "loss") return settings;
  if (typeof kind !== "object") return { ...settings, loss: "full" };
  return { ...settings, loss: "sampled", noiseRatio: kind.sampled };
}

/** Throws a Failure if a batch has a single word, but noise should be the batch's other words. */
function expectOthers({ noise }: Sizes, batches: readonly BatchDimensions[]): void {
  if (!isFromBatch(noise) || !batches.some((batch) => elementsOf(batch) === 1)) return;
  throw new Failure(
    `Cannot evaluate by --noise ${noise}: a batch is left with a single word, and so without noise; ` +
      "add a line to the text, or take one out",
  );
}

/**
 * Checks that kernels can be timed.
 *
 * @throws {Failure} If the device has no timestamps.
 */
export function checkTimestamps({ features }: Pick<GPUDevice, "features">): void {
  if (features.has("timestamp-query")) return;
  throw new Failure(
    "Cannot time kernels on this device, which has no timestamps: leave out --prof",
  );
}

/** The setting's option with a value. */
function spell(size: Size, value: number): string {
  return `${flagOf(size)} ${value}`;
}

/** Throws a Failure for the first need that is not met. */
function expectFit(
  needs: (sizes: Sizes) => readonly Need[],
  settings: Sizes,
  show: typeof spell = spell,
): void {
  const before = needs(settings), unmet = before.find((need) => !isMet(need));
  if (unmet === undefined) return;
  const { what, shape, most, sizes } = unmet;
  const isAsBefore = (need: Need) =>
    before.some((old) => old.what === need.what && product(old.shape) === product(need.shape));
  const fitting = sizes.flatMap((size) => {
    // Everything else that it changes must fit, too.
    const value = mostThat(
      settings[size] - 1,
      (value) =>
        needs({ ...settings, [size]: value }).every((need) =>
          isMet(need) || (need.what !== what && isAsBefore(need))
        ),
    );
    return value === 0 ? [] : [show(size, value)];
  });
  const cure = fitting.length > 0
    ? `${listed("disjunction", fitting)} would fit`
    : sizes.length > 1
    ? "make several of them smaller"
    : "take one with more memory";
  const [first, ...others] = sizes.map((size) => show(size, settings[size]));
  const given = others.length > 0 ? `${first} with ${listed("conjunction", others)}` : first;
  throw new Failure(
    `Cannot use ${given ?? "this model"} on this device: ${what}, [${shape.join(", ")}], are ` +
      `${formatCount(product(shape))} numbers, and it takes ${formatCount(most)} at most; ${cure}`,
  );
}

function listed(type: "conjunction" | "disjunction", items: readonly string[]): string {
  return new Intl.ListFormat("en-GB", { type }).format(items);
}

/** The largest whole number from 1 to `most` that `fits`, or 0. Every smaller number must fit, too. */
function mostThat(most: number, fits: (value: number) => boolean): number {
  return firstIndex(most, (value) => !fits(value + 1));
}
