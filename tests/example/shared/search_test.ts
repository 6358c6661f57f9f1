// Searches, and random orders.

import { assertEquals } from "@std/assert";
import { shuffle } from "../../../example/data/shuffle.ts";
import { firstIndex, nearestName, placeOf, runningSum } from "../../../example/shared/search.ts";
import { Philox } from "../../../kernels/random/philox.ts";

Deno.test("firstIndex() finds the first index that holds, and asks few times", () => {
  for (const count of [0, 1, 2, 7, 1000, 2 ** 40]) {
    for (const first of new Set([0, 1, Math.floor(count / 3), count - 1, count])) {
      if (first < 0 || first > count) continue;
      let asked = 0;
      const holds = (index: number) => (asked++, index >= first);
      assertEquals(firstIndex(count, holds), first, `${first} of ${count}`);
      assertEquals(asked <= Math.ceil(Math.log2(count + 1)), true, `${asked} of ${count}`);
    }
  }
});

Deno.test("placeOf() finds the first running sum above a number, or the last", () => {
  const sums = runningSum([0, 0.5, 0.25, 0.25]);
  const cases = [[0, 1], [0.25, 1], [0.5, 2], [0.75, 3], [0.99, 3], [1, 3]] as const;
  for (const [u, place] of cases) assertEquals(placeOf(sums, u), place, `${u}`);
});

Deno.test("nearestName() finds the name that takes the fewest changes, half of the word at most", () => {
  assertEquals(nearestName("penn", ["pern", "penny", "demo"]), "pern");
  assertEquals(nearestName("ab", ["ax"]), "ax");
  assertEquals(nearestName("abc", ["axy"]), undefined);
  assertEquals(nearestName("abc", []), undefined);
});

Deno.test("shuffle() reaches every order about as often as any other", () => {
  const random = new Philox(3, 1), seen = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = shuffle([1, 2, 3], random).join("");
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assertEquals(seen.size, 6);
  for (const [order, count] of seen) {
    assertEquals(Math.abs(count - 1000) < 150, true, `${order}: ${count}`); // 5 standard deviations
  }
});
