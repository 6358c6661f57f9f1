/** The alias method: tables built once in float64, then any number of draws, each in O(1). */

import kernel from "./alias.wgsl" with { type: "text" };
import type { Device } from "../device/device.ts";
import { type BatchPart, partLaunch, rowWidth, withPart } from "./part.ts";
import { forParts } from "../device/for_parts.ts";
import { boundParts } from "../device/part_bindings.ts";
import { mulhi, philox, type RandomKey, randomUniform, seedWords, withRandom } from "./philox.ts";
import type { Tensor } from "../device/tensor.ts";

const source = withRandom(withPart(kernel));

/**
 * Alias table of `probabilities`, which sum to 1. Column i has a threshold, below which a random word
 * draws i, and an alias, which is drawn otherwise. Flat: (threshold, alias) pairs.
 *
 * Source: M. D. Vose, "A linear algorithm for generating random numbers with a given distribution",
 * IEEE Transactions on Software Engineering 17 (1991).
 */
export function aliasTable(probabilities: Float64Array): Uint32Array {
  const V = probabilities.length, table = new Uint32Array(2 * V);
  const share = probabilities.map((p) => p * V);
  // Two stacks in one array: those below 1 from its start up, the others from its end down.
  const columns = new Uint32Array(V);
  let small = 0, large = V;
  const push = (i: number) => columns[share[i]! < 1 ? small++ : --large] = i;
  for (let i = 0; i < V; i++) push(i);
  const set = (i: number, keep: number, alias: number) => {
    table[2 * i] = Math.min(2 ** 32 - 1, Math.round(keep * 2 ** 32));
    table[2 * i + 1] = alias;
  };
  while (small > 0 && large < V) {
    const i = columns[--small]!, j = columns[large++]!;
    set(i, share[i]!, j);
    share[j]! -= 1 - share[i]!;
    push(j);
  }
  // Without rounding, these shares would be 1; with itself as alias, a column draws its class in any case.
  for (const i of columns.subarray(0, small)) set(i, 1, i);
  for (const i of columns.subarray(large)) set(i, 1, i);
  return table;
}

/**
 * Fills `out` with ids drawn from the `table` [V, 2] on the GPU. If `out` has the rows of a `part`, they are
 * what is drawn for these rows of the whole batch.
 */
export function aliasDrawInto(
  gpu: Device,
  out: Tensor,
  table: Tensor,
  key: RandomKey,
  part?: BatchPart,
): void {
  const launch = partLaunch(part), random = { ...randomUniform(key), ...launch.uniform };
  const V = table.shape[0]!, W = rowWidth("alias", part, out.size);
  for (const { tensors, count, first, rows } of boundParts(gpu, [table], 1)) {
    gpu.dispatch({
      label: "alias",
      source: forParts(source, count),
      inputs: tensors,
      outputs: [out],
      constants: launch.constants,
      uniform: { n: out.size, V, W, first, rows, ...random },
      grid: Math.ceil(out.size / 128),
    });
  }
}

/** The ids that {@linkcode aliasDrawInto} draws for the same table and key, computed on the CPU. */
export function aliasDraw(table: Uint32Array, n: number, key: RandomKey): Uint32Array {
  const out = new Uint32Array(n), words = new Uint32Array(4);
  const seed = seedWords(key.seed), V = table.length / 2;
  for (let i = 0; i < n; i++) {
    if (i % 2 === 0) philox([i / 2, key.step, key.stream, 0], seed, words);
    const column = mulhi(words[i % 2 * 2]!, V);
    out[i] = words[i % 2 * 2 + 1]! < table[2 * column]! ? column : table[2 * column + 1]!;
  }
  return out;
}
