/** What all optimizers are made with, and the checks of it. */

import {
  expectFromZero,
  expectList,
  expectNumber,
  isFloat,
  show,
} from "../../kernels/device/expect.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { sameStream, streamOf } from "../../kernels/random/stream.ts";
import { expectTensor, partsOn, type Tensor } from "../../kernels/device/tensor.ts";
import { expectOptions, type NamedParameter } from "./module.ts";

/** Coefficients of every {@linkcode Optimizer}. */
export interface OptimizerOptions {
  /** Learning rate. */
  lr: number;
  /** Weight decay, an L2 penalty that is added to the gradient; 0 unless given. */
  weightDecay?: number;
  /** Largest global norm of the gradient; a longer one is scaled down. No clipping unless given. */
  clip?: number;
  /** Seed of the random rounding of tables of 16-bit floats; 0 unless given. */
  seed?: number;
}

/** Throws unless `lr` is a positive finite number. */
export function expectLr(doing: string, lr: unknown): void {
  expectNumber(doing, "lr", lr, (rate) => rate > 0 && isFloat(rate), "a positive finite number");
}

/** The last words of the names of what is kept of parameters. */
const KEPT: readonly string[] = ["moment", "squares", "steps", "velocity"];

/**
 * Throws unless `parameters` are named tensors, each listed once: a second moment would update it twice.
 * Names must differ, because initial values depend on them.
 */
function expectParameters(name: string, gpu: Gpu, parameters: readonly NamedParameter[]): void {
  const doing = `make ${name}`;
  expectList(doing, "parameters", parameters);
  const names = new Map<Tensor, string>(), streams = new Map<number, string>();
  for (const entry of parameters) {
    if (!Array.isArray(entry)) {
      const found = show(entry);
      throw new TypeError(`Cannot ${doing}: a parameter is ${found}, not a pair [name, tensor]`);
    }
    const [path, parameter] = entry;
    expectTensor(name, `parameter ${path}`, parameter);
    partsOn(doing, parameter, gpu.device);
    const before = names.get(parameter);
    if (before !== undefined) {
      throw new RangeError(`Cannot ${doing}: ${before} and ${path} are one tensor; list it once`);
    }
    names.set(parameter, path);
    const stream = streamOf(path), other = streams.get(stream);
    if (other !== undefined) throw sameStream(`${doing} of these parameters`, other, path);
    streams.set(stream, path);
  }
  const paths = new Set(names.values());
  for (const owner of paths) {
    const kept = KEPT.map((word) => `${owner}.${word}`).find((path) => paths.has(path));
    if (kept === undefined) continue;
    throw new RangeError(`Cannot ${doing}: ${kept} is what is kept of ${owner}; rename one`);
  }
}

/** Throws unless an optimizer called `name` can be made of these arguments; `own` are its further options. */
export function expectOptimizer<T extends OptimizerOptions>(
  name: string,
  gpu: Gpu,
  parameters: readonly NamedParameter[],
  options: T,
  own: readonly (keyof T & string)[] = [],
): void {
  expectOptions(name, gpu, options, [], ["lr", "weightDecay", "clip", "seed", ...own]);
  expectParameters(name, gpu, parameters);
  const { lr, weightDecay = 0, clip = Infinity } = options, doing = `make ${name}`;
  expectLr(doing, lr);
  expectFromZero(doing, "weightDecay", weightDecay);
  expectNumber(doing, "clip", clip, (norm) => norm > 0, "a positive number");
}
