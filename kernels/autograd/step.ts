/** A step: it owns everything that is computed within it, and records the tape. */

import {
  expectBoolean,
  expectFunction,
  expectInteger,
  expectList,
  expectNames,
  expectObject,
  expectSeed,
  expectText,
  MAX_WORD,
} from "../device/expect.ts";
import { type Device, insideOf } from "../device/device.ts";
import { GradientSums } from "./gradient_sums.ts";
import type { Gradient, Gradients } from "./gradients.ts";
import { type BatchPart, expectPart } from "../random/part.ts";
import type { RandomKey } from "../random/philox.ts";
import { expectStream, type RandomStream, sameStream } from "../random/stream.ts";
import type { Scope } from "../device/scope.ts";
import { type DType, dtypeOf, type TensorData } from "../device/dtype.ts";
import { expectTensor, storageIn, type Tensor } from "../device/tensor.ts";

/** How a step behaves. */
export interface StepOptions {
  /** Whether gradients are recorded and dropout is on; false unless given. */
  training?: boolean;
  /** Whether dropout is on in a step with `training`; true unless given. */
  dropout?: boolean;
  /** Seed of the random numbers, an integer from 0 to 2^53 - 1; 0 unless given. */
  seed?: number;
  /**
   * Number of the step, an integer from 0 to 2^32 - 1. Steps of different numbers draw different random
   * numbers. Unless given, the training steps of a Gpu are numbered from 0 on, and all others are 0.
   */
  number?: number;
  /** Which rows of a batch the step computes; all unless given. */
  part?: BatchPart;
}

/** An operation on the tape. */
export interface TapeEntry {
  /** Operation name. */
  readonly name: string;
  /** Differentiable inputs. */
  readonly inputs: readonly Tensor[];
  /** The output; its gradient is passed to `backward`. */
  readonly output: Tensor;
  /**
   * Gradients of the inputs, in their order, from the output's; null for none. `dOutput` itself may be
   * returned if it passes through unchanged. `takeSum(input)` takes the dense sum of the gradients that have
   * reached an input so far, if there are any, for an operation that returns it with its own added.
   */
  backward(
    dOutput: Tensor,
    takeSum: (input: Tensor) => Tensor | undefined,
  ): readonly (Gradient | null)[];
}

/** The gradients of {@linkcode Step.backward}, each still in the parts that reached its tensor. */
export let gradientSumsOf: (step: Step, loss: Tensor) => GradientSums;
/** Whether a gradient [1] is what {@linkcode Step.backward} begins with, the number 1. */
export let isOne: (step: Step, gradient: Tensor) => boolean;
/** Whether an operation on the tape computed `tensor`: {@linkcode Step.backward} uses up its gradient. */
export let isOnTape: (step: Step, tensor: Tensor) => boolean;

/** The tape on which an operation computed a tensor: its gradient goes on from there alone. */
const tapes = new WeakMap<Tensor, readonly TapeEntry[]>();

/** The owner of tensors, and the tape: `using step = gpu.step({ training: true })`. */
export class Step implements Scope, Disposable {
  /** The device. */
  readonly gpu: Device;
  /** Whether gradients are recorded. */
  readonly training: boolean;
  /** Whether dropout is on: in training, unless it was turned off. */
  readonly dropout: boolean;
  /** Seed of the random numbers. */
  readonly seed: number;
  /** Number of the step. */
  readonly number: number;
  /** Which rows of a batch the step computes; all if undefined. */
  readonly part: BatchPart | undefined;
  readonly #owned = new Set<Tensor>();
  /** What was recorded since the step last went backward. */
  #tape: TapeEntry[] = [];
  readonly #streams = new Map<number, RandomStream>();
  readonly #shared = new WeakSet<Tensor>();
  /** What every loss's gradient begins with: uploaded before anything is recorded, as a write must not wait. */
  readonly #one: Tensor | undefined;
  #wentBackward = false;
  #ended = false;

  static {
    gradientSumsOf = (step, loss) => step.#backward(loss);
    isOne = (step, gradient) => !!step.#one && storageIn(gradient) === storageIn(step.#one);
    isOnTape = (step, tensor) => tapes.get(tensor) === step.#tape;
  }

  /** Used by {@linkcode Gpu.step}. */
  constructor(gpu: Device, options: StepOptions, next: () => number) {
    expectNames("begin a step", "options", options, [
      "training",
      "dropout",
      "seed",
      "number",
      "part",
    ]);
    const { training = false, dropout = true, seed = 0, number = 0, part } = options;
    expectBoolean("begin a step", "training", training);
    expectBoolean("begin a step", "dropout", dropout);
    expectSeed("begin a step", seed);
    expectInteger("begin a step", "number", number, MAX_WORD);
    if (part !== undefined) expectPart("begin a step", part);
    this.gpu = gpu;
    this.part = part;
    this.training = training;
    this.dropout = training && dropout;
    this.seed = seed;
    this.number = training && options.number === undefined ? next() : number;
    this.#one = training ? this.upload(new Float32Array([1])) : undefined;
    insideOf(gpu).pool.steps++;
  }

  /** A tensor with undefined content that ends with the step. */
  tensor(shape: readonly number[], dtype: DType = "f32"): Tensor {
    this.#expectOpen();
    return this.own(this.gpu.temporary(shape, dtype));
  }

  /**
   * A tensor of `data` that ends with the step: a Uint32Array becomes ids.
   *
   * @throws {TypeError} If `data` is neither a Float32Array nor a Uint32Array, or does not fit the shape.
   */
  upload(data: TensorData, shape?: readonly number[]): Tensor {
    const dtype = dtypeOf("upload", data);
    const tensor = this.tensor(shape === undefined ? [data.length] : shape, dtype);
    if (tensor.size !== data.length) {
      throw new TypeError(`Cannot upload ${data.length} elements as [${shape}]`);
    }
    this.gpu.write(tensor, data);
    return tensor;
  }

  /** Makes the step the owner of `tensor`. Throws a TypeError if the step has ended. */
  own(tensor: Tensor): Tensor {
    expectTensor("own", "it", tensor);
    this.#expectOpen();
    this.#owned.add(tensor);
    return tensor;
  }

  /** Keeps `tensor` beyond the end of the step; the caller disposes of it. */
  keep(tensor: Tensor): Tensor {
    expectTensor("keep", "it", tensor);
    this.#owned.delete(tensor);
    return tensor;
  }

  /** The same elements under another shape; gradients flow through. */
  reshape(tensor: Tensor, shape: readonly number[]): Tensor {
    expectTensor("reshape", "it", tensor);
    return this.record({
      name: "reshape",
      inputs: [tensor],
      output: this.own(tensor.reshape(shape)),
      backward: (dOutput) => [this.own(dOutput.reshape(tensor.shape))],
    });
  }

  /**
   * Where `stream` draws from in this step.
   *
   * @throws {RangeError} If another stream that draws in this step has its name, or one with the same hash.
   */
  randomKey(stream: RandomStream): RandomKey {
    expectStream("draw in this step", stream);
    const other = this.#streams.get(stream.id);
    if (other && other !== stream) throw sameStream("draw in this step", other.name, stream.name);
    this.#streams.set(stream.id, stream);
    return { seed: this.seed, stream: stream.id, step: this.number };
  }

  /** Marks `ids` as the same on all ranks of a step on a part of a batch, as shared noise is; returns them. */
  markShared(ids: Tensor): Tensor {
    this.#shared.add(ids);
    return ids;
  }

  /** Whether `ids` were marked as the same on all ranks. */
  isShared(ids: Tensor): boolean {
    return this.#shared.has(ids);
  }

  /** Whether gradients will flow to any of `tensors`; if not, an operation need not save anything. */
  needsGradient(...tensors: readonly Tensor[]): boolean {
    return this.training && tensors.some((tensor) => tensor.requiresGrad);
  }

  /** Records an operation on the tape if a gradient is wanted; returns its output. */
  record(entry: TapeEntry): Tensor {
    this.#expectOpen();
    expectObject("record", "entry", entry, "an object");
    const { name, inputs, output, backward } = entry;
    expectText("record", "its name", name);
    expectList(`record ${name}`, "inputs", inputs);
    expectFunction("record", "backward", backward);
    for (const input of inputs) expectTensor(name, "an input", input);
    expectTensor(name, "the output", output);
    if (this.needsGradient(...entry.inputs)) {
      entry.output.requiresGrad = true;
      this.#tape.push(entry);
      tapes.set(entry.output, this.#tape);
    }
    return entry.output;
  }

  /**
   * Gradients of the scalar `loss` with respect to every tensor that requires one.
   *
   * This uses up the tape: further losses must be computed after it, with all that leads to them. For the gradients
   * of several losses, `add` the losses and go backward once.
   *
   * @throws {TypeError} If `loss` is not one float, or no gradient can flow from it or on from a tensor before it.
   */
  backward(loss: Tensor): Gradients {
    return this.#backward(loss).finish();
  }

  #backward(loss: Tensor): GradientSums {
    expectTensor("backward", "loss", loss);
    this.#expectOpen();
    const why = this.#whyNot(loss);
    if (why) throw new TypeError(`Cannot go backward from [${loss.shape}]: ${why}`);
    this.#wentBackward = true;
    const sums = new GradientSums(this);
    sums.add("the loss", loss, this.own(this.#one!.reshape(loss.shape)));
    for (let entry = this.#tape.pop(); entry; entry = this.#tape.pop()) {
      const dOutput = sums.take(entry.output);
      if (!dOutput) continue;
      const dInputs = entry.backward(dOutput, (input) => sums.takeDense(input));
      expectOneEach(entry, dInputs);
      entry.inputs.forEach((input, i) => {
        const dInput = dInputs[i];
        if (!dInput || !input.requiresGrad) return;
        this.#expectToGoOn(entry, input);
        sums.add(entry.name, input, dInput);
      });
    }
    this.#tape = [];
    return sums;
  }

  /** Throws unless `input` is a parameter, or this tape has the operation that computed it. */
  #expectToGoOn({ name }: TapeEntry, input: Tensor): void {
    if (!tapes.has(input) || isOnTape(this, input)) return;
    const what = `it reads [${input.shape}] of another step, or from before the last backward()`;
    const cure = "compute it again, or take it as a constant: step.own(x.reshape(x.shape))";
    throw new TypeError(`Cannot go backward through ${name}: ${what}; ${cure}`);
  }

  /** Why no gradient can flow from `loss`, if none can. */
  #whyNot(loss: Tensor): string | undefined {
    if (!this.training) return "the step is no training step: gpu.step({ training: true })";
    if (loss.size !== 1) return "it is not one number; take its mean() or sum()";
    if (isOnTape(this, loss)) return undefined;
    return this.#wentBackward
      ? "the step has not computed it since it last went backward; to go from several losses, add() them first"
      : "the step has not computed it from a parameter, a tensor with requiresGrad";
  }

  #expectOpen(): void {
    if (this.#ended) throw new TypeError("Cannot use a step after it has ended");
  }

  /** Disposes of everything that the step owns, and submits what was recorded. */
  dispose(): void {
    if (!this.#ended) insideOf(this.gpu).pool.steps--;
    this.#ended = true;
    for (const tensor of this.#owned) tensor.dispose();
    this.#owned.clear();
    this.#tape.length = 0;
    this.gpu.submit();
  }

  /** The same as {@linkcode dispose}: `using step = gpu.step()`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Throws a TypeError unless there is one gradient, or null, for each input. */
function expectOneEach({ name, inputs }: TapeEntry, gradients: readonly unknown[]): void {
  expectList("run backward", `the gradients of ${name}`, gradients);
  if (gradients.length === inputs.length) return;
  const found = `${name} gives ${gradients.length} gradients, not ${inputs.length}`;
  throw new TypeError(`Cannot run backward: ${found}, one for each input, or null`);
}
