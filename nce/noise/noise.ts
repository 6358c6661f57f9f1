/** Noise that targets are contrasted with, and the distributions that it is drawn from. */

import {
  expectBoolean,
  expectFinite,
  expectNames,
  expectNumber,
  expectObject,
  expectPositive,
  show,
} from "../../kernels/device/expect.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { expectShape, expectStep, expectTensor, type Tensor } from "../../kernels/device/tensor.ts";

/** Noise samples for N targets. */
export interface Noise {
  /** Ids: [K], shared by all targets, or [N, K]. If a kernel drew them, set their `idLimit`. */
  readonly ids: Tensor;
  /** ln q of the samples, in the shape of `ids`; finite. */
  readonly logProb: Tensor;
  /** [N] ln q of the targets; finite. */
  readonly targetLogProb: Tensor;
  /** k, the number of samples that count for a target. */
  readonly samples: number;
  /** If the samples hold the targets themselves: the column of target 0, which does not count for it. */
  readonly ownSlot?: number;
}

/** A request to a {@linkcode NoiseSource}. */
export interface NoiseRequest {
  /** [N] ids of the targets. */
  readonly target: Tensor;
  /** k, the number of samples wanted for a target. */
  readonly noiseRatio: number;
  /** Whether each target gets its own samples. */
  readonly perWord: boolean;
}

/** A distribution q over classes that noise is drawn from. */
export interface NoiseSource extends Disposable {
  /** V, the number of classes. */
  readonly numClasses: number;
  /** [V] q of each class, above 0: noise that a class is never contrasted with teaches nothing of it. */
  readonly probabilities: Float64Array;
  /** Whether the samples are independent draws, as binary NCE requires. */
  readonly independent: boolean;
  /** Whether the targets are noise themselves, so that a batch meets the same again; false unless given. */
  readonly fromBatch?: boolean;
  /** The only k that it can draw, if it was made for one. */
  readonly noiseRatio?: number;
  /** Where its tables lie, if it has any: a layer on another Gpu refuses it. */
  readonly gpu?: Gpu;
  /** Draws noise, a function of the step's seed and number. */
  sample(step: Step, request: NoiseRequest): Noise;
}

/** Throws unless `request` is a valid request to `source`. */
export function expectRequest(source: string, step: Step, request: NoiseRequest): void {
  expectStep(source, step);
  expectObject(`run ${source}`, "request", request, "an object");
  const { target, noiseRatio, perWord } = request;
  expectTensor(source, "target", target);
  expectPositive(`run ${source}`, "noiseRatio", noiseRatio);
  expectBoolean(`run ${source}`, "perWord", perWord);
}

/** Throws a TypeError unless `noise` are ids, of each target [N] if they are wanted `perWord`. */
export function expectNoise(noise: Noise, target: Tensor, perWord: boolean): void {
  expectObject("draw noise", "what sample() gave", noise, "an object");
  const { ids } = noise;
  expectTensor("sample()", "ids", ids);
  if (perWord) expectShape("sample()", "ids", ids, [target.size, ids.shape.at(-1)!], "u32");
}

/** Throws a RangeError unless a source draws so many samples for a target: some are made for one number. */
export function expectDrawable(
  noiseRatio: number,
  { noiseRatio: only = noiseRatio }: NoiseSource,
): void {
  if (noiseRatio === only) return;
  throw new RangeError(`Cannot draw ${noiseRatio} unique samples: made for ${only}`);
}

/** Throws unless a source has a probability for each of its classes, and its tables, if any, lie on `gpu`. */
export function expectSource(doing: string, gpu: Gpu, source: NoiseSource): void {
  const { gpu: own = gpu, numClasses, probabilities } = source;
  if (own !== gpu) throw new TypeError(`Cannot ${doing}: its noise belongs to another Gpu`);
  expectObject(doing, "its noise's list of probabilities", probabilities, "an array of numbers");
  if (probabilities.length === numClasses) return;
  const found = `${probabilities.length} probabilities for ${numClasses} classes`;
  throw new RangeError(`Cannot ${doing}: its noise has ${found}`);
}

/** Throws a RangeError unless a source gives each class a probability in (0, 1]. */
export function expectAllClasses(doing: string, { probabilities }: NoiseSource): void {
  const at = probabilities.findIndex((q) => !(q > 0 && q <= 1));
  if (at < 0) return;
  const found = `q = ${probabilities[at]} for class ${at}`;
  throw new RangeError(
    `Cannot ${doing}: its noise has ${found}, not in (0, 1]; give each class a little, as 1e-10`,
  );
}

/** The smallest probability of a class before the final normalisation. */
const FLOOR = 1e-10;

/**
 * Probabilities of `noise` (counts or probabilities), floored at 1e-10 and normalised in float64.
 *
 * @throws {RangeError} If it is empty, all zero, or has a negative or non-finite element.
 */
export function normalizeNoise(noise: ArrayLike<number>): Float64Array {
  return shares(noise, () => true);
}

/** The weights `noise` over their sum; where `isFloored`, a weight counts as {@linkcode FLOOR} of it at least. */
function shares(
  noise: ArrayLike<number>,
  isFloored: (weight: number) => boolean,
): Float64Array {
  if (!isList(noise)) {
    throw new TypeError(`Cannot use noise: it is ${show(noise)}, not an array of counts`);
  }
  const weights = new Float64Array(noise);
  if (weights.length === 0) throw new RangeError("Cannot use noise: it has no classes");
  weights.forEach((weight, i) => {
    if (!(weight >= 0 && weight < Infinity)) {
      throw new RangeError(`Cannot use noise: class ${i} has weight ${weight}`);
    }
  });
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  if (!(largest > 0)) throw new RangeError("Cannot use noise: every class has weight 0");
  // Scaled by a power of two, which is exact, so that the sum is neither infinite nor subnormal.
  const unit = 2 ** Math.min(1023, Math.floor(Math.log2(largest)));
  const total = weights.reduce((sum, weight) => sum + weight / unit, 0);
  const floored = replace(weights, (weight) => {
    return Math.max(weight / unit / total, isFloored(weight) ? FLOOR : 0);
  });
  const flooredTotal = floored.reduce((sum, p) => sum + p, 0);
  return replace(floored, (p) => p / flooredTotal);
}

/** Changes numbers in their place: there are as many as classes. */
function replace(numbers: Float64Array, change: (number: number, i: number) => number) {
  numbers.forEach((number, i) => numbers[i] = change(number, i));
  return numbers;
}

/** `change` of each of the numbers in float32. `Float32Array.from()` would make an object of every number. */
export function mapToFloats(
  numbers: Float64Array,
  change: (number: number) => number,
): Float32Array<ArrayBuffer> {
  return new Float32Array(numbers.length).map((_, i) => change(numbers[i]!));
}

function isList(noise: unknown): noise is ArrayLike<number> {
  const isArray = Array.isArray(noise) || ArrayBuffer.isView(noise) && "length" in noise;
  return isArray && !["bigint", "symbol"].includes(typeof (noise as ArrayLike<unknown>)[0]);
}

/**
 * The number of classes of `noise`, counts or a source.
 *
 * @throws {TypeError} If it is neither.
 */
function classesOf(noise: ArrayLike<number> | NoiseSource): number {
  if (isList(noise)) return noise.length;
  if (isNoiseSource(noise)) return noise.numClasses;
  throw new TypeError(
    `Cannot use noise: it is ${show(noise)}, neither an array of counts nor a source of noise`,
  );
}

/** Throws a RangeError unless `noise` has `numClasses` classes. */
export function expectClasses(
  module: string,
  noise: ArrayLike<number> | NoiseSource,
  numClasses: number,
): void {
  const classes = classesOf(noise);
  if (classes === numClasses) return;
  throw new RangeError(`Cannot make ${module}: noise has ${classes} classes, not ${numClasses}`);
}

/** Whether `noise` is a source rather than counts. */
export function isNoiseSource(noise: unknown): noise is NoiseSource {
  return typeof noise === "object" && noise !== null && "sample" in noise &&
    typeof noise.sample === "function";
}

/** How {@linkcode noiseProbabilities} changes counts. */
export interface NoiseShape {
  /** The exponent of the counts; 1 unless given. */
  power?: number;
  /** The part of uniform noise that is mixed in; 0 unless given. */
  uniform?: number;
}

/**
 * `q = (1 - uniform) * count^power / sum + uniform / V`.
 *
 * @throws {RangeError} If the counts are not usable (with a negative power, a count of 0 is not), `power` is
 *   not finite or `uniform` not in [0, 1].
 */
export function noiseProbabilities(
  counts: ArrayLike<number>,
  shape: NoiseShape = {},
): Float64Array {
  expectNames("shape noise", "shape", shape, ["power", "uniform"]);
  const { power = 1, uniform = 0 } = shape;
  expectFinite("shape noise", "power", power);
  const isPart = (value: number) => value >= 0 && value <= 1;
  expectNumber("shape noise", "uniform", uniform, isPart, "in [0, 1]");
  // Rare classes are floored in the end alone, after the power: it may bring them above the floor.
  const powers = replace(shares(counts, (count) => count === 0), (p, y) => {
    if (power < 0 && counts[y] === 0) {
      throw new RangeError(`Cannot raise noise to the power ${power}: class ${y} has count 0`);
    }
    return (counts[y] === 0 ? 0 : p) ** power;
  });
  if (powers.every((p) => p === 0) || powers.includes(Infinity)) {
    throw new RangeError(`Cannot raise noise to the power ${power}: too large to compute with`);
  }
  const raised = normalizeNoise(powers);
  return replace(raised, (p) => (1 - uniform) * p + uniform / raised.length);
}

/**
 * Zipf's law by rank, the noise of TensorFlow's log-uniform sampler:
 * `q(y) = ln((y + 2) / (y + 1)) / ln(V + 1)`. Right only if ids are in order of falling frequency.
 *
 * @throws {RangeError} Unless `numClasses` is a positive integer.
 */
export function logUniformProbabilities(numClasses: number): Float64Array {
  expectPositive("make log-uniform noise", "numClasses", numClasses);
  const scale = Math.log1p(numClasses);
  return new Float64Array(numClasses).map((_, y) => Math.log1p(1 / (y + 1)) / scale);
}
