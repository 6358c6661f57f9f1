/** Runs property tests: the same cases each time; `NCE_PROPERTY_RUNS` sets their number. */

import fc from "fast-check";

const RUNS = Number(Deno.env.get("NCE_PROPERTY_RUNS") ?? 300);
const SEED = 1111;

/** Checks `property` on {@linkcode RUNS} cases; a failure reports the smallest case found. */
export function check<T>(property: fc.IProperty<T>): void {
  fc.assert(property, { numRuns: RUNS, seed: SEED });
}

/** The same for an asynchronous property. */
export async function checkAsync<T>(property: fc.IAsyncProperty<T>): Promise<void> {
  await fc.assert(property, { numRuns: RUNS, seed: SEED });
}
