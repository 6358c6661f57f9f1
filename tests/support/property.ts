/** How property tests are run: the same cases each time, as many as `NCE_PROPERTY_RUNS` says. */

import fc from "fast-check";

const RUNS = Number(Deno.env.get("NCE_PROPERTY_RUNS") ?? 300);
const SEED = 1111;

/** Checks `property` on {@linkcode RUNS} cases; a failure names the smallest case that was found. */
export function check<T>(property: fc.IProperty<T>): void {
  fc.assert(property, { numRuns: RUNS, seed: SEED });
}

/** The same for a property that has to be awaited. */
export async function checkAsync<T>(property: fc.IAsyncProperty<T>): Promise<void> {
  await fc.assert(property, { numRuns: RUNS, seed: SEED });
}
