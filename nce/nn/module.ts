/** Modules: objects that own parameters on the GPU. */

import {
  expectObject,
  expectPositive,
  expectSeed,
  expectText,
  show,
} from "../../kernels/device/expect.ts";
import { fillUniform } from "../../kernels/elementwise/fill.ts";
import { Gpu } from "../../kernels/gpu.ts";
import { streamOf } from "../../kernels/random/stream.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";

/** A parameter and its name: its path in the model. */
export type NamedParameter = readonly [name: string, parameter: Tensor];

/** An owner of parameters; subclasses list theirs in {@linkcode parameters}. */
export abstract class Module implements Disposable {
  /** The module's path in its model; empty for the model itself. */
  readonly name: string;

  /** `name` is the path that the names of parameters begin with; random numbers depend on it. */
  constructor(name = "") {
    expectText("make a Module", "name", name);
    this.name = name;
  }

  /** The path of a part called `part`. */
  protected path(part: string): string {
    return this.name === "" ? part : `${this.name}.${part}`;
  }

  /** The parameters with their paths, in PyTorch's names and order. */
  abstract parameters(): NamedParameter[];

  /** Frees what the module holds on the GPU. */
  dispose(): void {
    for (const [, parameter] of this.parameters()) parameter.dispose();
  }

  /** The same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A parameter of `shape`, uniform in [-range, range): a function of its path and the seed. */
export function uniformParameter(
  gpu: Gpu,
  path: string,
  shape: readonly number[],
  range: number,
  seed: number,
): Tensor {
  expectSeed("make a parameter", seed);
  const parameter = gpu.tensor(shape);
  fillUniform(gpu, parameter, -range, range, { seed, stream: streamOf(path), step: 0 });
  parameter.requiresGrad = true;
  return parameter;
}

/** A parameter with the given values. */
export function parameterOf(gpu: Gpu, shape: readonly number[], values: Float32Array): Tensor {
  const parameter = gpu.tensor(shape, values);
  parameter.requiresGrad = true;
  return parameter;
}

/**
 * Throws unless `gpu` is a Gpu, and `options` an object with a usable seed and name, if any, in which the
 * `sizes` are positive integers. Constructors check everything before they allocate, so that nothing is left behind.
 */
export function expectOptions(
  module: string,
  gpu: Gpu,
  options: object,
  sizes: readonly string[] = [],
): void {
  const doing = `make ${module}`;
  if (!(gpu instanceof Gpu)) {
    throw new TypeError(`Cannot ${doing}: gpu is ${show(gpu)}, not a Gpu (await Gpu.create())`);
  }
  expectObject(doing, "options", options, "an object");
  const values = options as Readonly<Record<string, unknown>>;
  for (const size of sizes) expectPositive(doing, size, values[size]);
  if (values["seed"] !== undefined) expectSeed(doing, values["seed"]);
  if (values["name"] !== undefined) expectText(doing, "name", values["name"]);
}
