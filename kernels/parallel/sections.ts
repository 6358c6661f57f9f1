/** Lists of arrays, each with a name, that are read or summed as one and then taken apart. */

import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";
import { concatenated, readerOf, readTogether } from "./arrays.ts";
import type { Communicator } from "./communicator.ts";

/** The lists by their names. */
type Sections<K extends string, T> = Readonly<Record<K, readonly T[]>>;

/** Reads tensors of floats together. */
export async function readSections<K extends string>(
  step: Step,
  sections: Sections<K, Tensor>,
): Promise<Record<K, Float32Array[]>> {
  return divided(sections, await readTogether(step, joined(sections)) as Float32Array[]);
}

/** Sums arrays over the ranks in one message. */
export async function sumSections<K extends string>(
  communicator: Communicator,
  sections: Sections<K, Float32Array>,
): Promise<Record<K, Float32Array[]>> {
  const arrays = joined(sections), message = concatenated(Float32Array, arrays);
  await communicator.sum(message);
  const next = readerOf([message]);
  return divided(sections, arrays.map(({ length }) => next(0, length)));
}

/** How many numbers there are in all sections. */
export function lengthOf(sections: Sections<string, Float32Array>): number {
  return joined(sections).reduce((sum, { length }) => sum + length, 0);
}

function joined<T>(sections: Sections<string, T>): T[] {
  return Object.values(sections).flat();
}

/** Gives each section as many of `all` as it has itself. */
function divided<K extends string, T>(
  sections: Sections<K, unknown>,
  all: readonly T[],
): Record<K, T[]> {
  let at = 0;
  const lists = Object.entries<readonly unknown[]>(sections)
    .map(([name, { length }]) => [name, all.slice(at, at += length)]);
  return Object.fromEntries(lists);
}
