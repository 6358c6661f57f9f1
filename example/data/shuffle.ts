/** Orders of whole numbers. */

import type { Philox } from "../../kernels/random/mod.ts";

/** Whole numbers from 0. */
export function upTo(count: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(count).map((_, i) => i);
}

/** Puts `values` in random order, in place, and returns them. */
export function shuffle<T extends unknown[] | Uint32Array>(values: T, random: Philox): T {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1), value = values[i];
    values[i] = values[j];
    values[j] = value;
  }
  return values;
}
