/** Lists of arrays, each with a name, that are summed as one and then taken apart. */

import { concatenated, readerOf } from "./arrays.ts";
import type { Communicator } from "./communicator.ts";

/** The lists by their names. */
type Sections<K extends string> = Readonly<Record<K, readonly Float32Array[]>>;

/** Sums arrays over the ranks in one message. */
export async function sumSections<K extends string>(
  communicator: Communicator,
  sections: Sections<K>,
): Promise<Record<K, Float32Array[]>> {
  const message = concatenated(Float32Array, joined(sections));
  await communicator.sum(message);
  const next = readerOf([message]);
  const sums = Object.entries<readonly Float32Array[]>(sections)
    .map(([name, arrays]) => [name, arrays.map(({ length }) => next(0, length))]);
  return Object.fromEntries(sums);
}

/** How many numbers there are in all sections. */
export function lengthOf(sections: Sections<string>): number {
  return joined(sections).reduce((sum, { length }) => sum + length, 0);
}

function joined(sections: Sections<string>): Float32Array[] {
  return Object.values(sections).flat();
}
