/**
 * Stochastic rounding: what is written to a table of 16-bit floats is rounded up or down at random, right in the
 * mean, so that updates which are far smaller than the distance of two such floats are not lost.
 *
 * Source: Gupta, Agrawal, Gopalakrishnan, Narayanan, "Deep learning with limited numerical precision" (ICML 2015).
 */

import { type TableKernel, withTable } from "../device/tables.ts";
import type { Tensor } from "../device/tensor.ts";
import noRounding from "./_no_rounding.wgsl" with { type: "text" };
import rounding from "./_rounding.wgsl" with { type: "text" };
import { type RandomKey, randomUniform, withRandom } from "./philox.ts";

/** {@linkcode withTable} for a kernel that writes to the table, too: `stored(vec, at)`, as _rounding.wgsl says. */
export function withWrittenTable(source: string): TableKernel {
  const ofFloats = withTable(noRounding + source);
  const ofHalves = withTable(withRandom(rounding + source));
  return (width, dtype) => (dtype === "f16" ? ofHalves : ofFloats)(width, dtype);
}

/** The part of a launch of such a kernel that depends on the table. */
export function roundedBy(table: Tensor, key: RandomKey | undefined) {
  const halves = table.dtype === "f16";
  return { halves, fields: halves ? randomUniform(key) : {} };
}

/** The random keys of a parameter's roundings: one for each update, and one for what the updates before defer. */
export class Rounding {
  readonly #seed: number;
  readonly #stream: number;
  /** How many updates there have been. */
  updates = 0;

  /** `stream` is that of the parameter's name. */
  constructor(seed: number, stream: number) {
    this.#seed = seed;
    this.#stream = stream;
  }

  /** For the initial values, before the first update. */
  get initial(): RandomKey {
    return this.#key(0);
  }

  /** For another update. */
  next(): RandomKey {
    return this.#key(2 * ++this.updates);
  }

  /** For what earlier updates have deferred: a row gets it once between two updates. */
  get deferred(): RandomKey {
    return this.#key(2 * this.updates + 1);
  }

  #key(step: number): RandomKey {
    return { seed: this.#seed, stream: this.#stream, step: step >>> 0 };
  }
}
