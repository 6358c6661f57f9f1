/** Modules: objects that own parameters on the GPU. */

import { expectObject, expectPositive, expectSeed, show } from "../../kernels/device/expect.ts";
import { fillUniform } from "../../kernels/elementwise/fill.ts";
import { Gpu } from "../../kernels/gpu.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";

/** A named parameter. */
export type NamedParameter = readonly [name: string, parameter: Tensor];

/** An owner of parameters; subclasses list their own in {@linkcode parameters}. */
export abstract class Module implements Disposable {
  /** The parameters by PyTorch's names, in PyTorch's order. */
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

/** The parameters of `modules`, each name behind its module's name and a dot. */
export function namedParameters(modules: Record<string, Module>): NamedParameter[] {
  expectObject("list parameters", "modules", modules, "an object");
  for (const [name, module] of Object.entries(modules)) {
    if (module instanceof Module) continue;
    throw new TypeError(`Cannot list parameters: ${name} is ${show(module)}, not a Module`);
  }
  return Object.entries(modules).flatMap(([prefix, module]) =>
    module.parameters().map(([name, parameter]) => [`${prefix}.${name}`, parameter] as const)
  );
}

/** A parameter of `shape`, uniform in [-range, range) and a function of the seed. */
export function uniformParameter(
  gpu: Gpu,
  shape: readonly number[],
  range: number,
  seed: number,
): Tensor {
  expectSeed("make a parameter", seed);
  const parameter = gpu.tensor(shape);
  fillUniform(gpu, parameter, -range, range, { seed, stream: gpu.nextStream(), step: 0 });
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
 * Throws unless `gpu` is a Gpu, `options` an object that holds a usable seed if any, and `sizes` positive
 * integers. Constructors check all before they make anything, so that nothing is left behind.
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
}
