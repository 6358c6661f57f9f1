// The steps that a row has missed are one matrix, whatever their learning rates.

import { assertEquals } from "@std/assert";
import { MAX_STEPS, productsOf, type Run } from "../../../kernels/optimizer/step_products.ts";

/** What the last n steps, latest first in `rates`, make of a moment m and a value p. */
function stepped(m: number, p: number, rates: readonly number[]): [number, number] {
  for (const lr of rates.toReversed()) {
    m = 0.9 * m + 0.1 * p;
    p -= lr * m;
  }
  return [m, p];
}

Deno.test("productsOf() is what so many steps do, the first rate holding before the first run", () => {
  const runs: Run[] = [{ steps: 2, lr: 0.5 }, { steps: 1, lr: 0.25 }, { steps: 3, lr: 0.125 }];
  const rates = [0.125, 0.125, 0.125, 0.25, 0.5, 0.5, 0.5, 0.5];
  const products = productsOf(runs, { momentum: 0.9, weightDecay: 0.1 });
  assertEquals(products.length, 4 * (MAX_STEPS + 1));
  for (let n = 0; n <= rates.length; n++) {
    const some = rates.slice(0, n), [a, c] = stepped(1, 0, some), [b, d] = stepped(0, 1, some);
    const found = [...products.subarray(4 * n, 4 * n + 4)];
    const expected = [a, b, c, d - 1].map((x) => Math.round(x * 1e6));
    assertEquals(found.map((x) => Math.round(x * 1e6)), expected, `${n} steps`);
  }
});
