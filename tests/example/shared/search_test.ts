// Searches, draws by running sums, and random orders.

import { assert, assertEquals } from "@std/assert";
import { shuffle } from "../../../example/data/shuffle.ts";
import { drawPlace, firstIndex, nearestName, runningSum } from "../../../example/shared/search.ts";
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

Deno.test("nearestName() finds the name that takes the fewest changes, half of the word at most", () => {
  assertEquals(nearestName("penn", ["pern", "penny", "demo"]), "pern");
  assertEquals(nearestName("ab", ["ax"]), "ax");
  assertEquals(nearestName("abc", ["axy"]), undefined);
  assertEquals(nearestName("abc", []), undefined);
});

Deno.test("drawPlace() draws by 48 bits: places of 2^-40 of the whole are drawn as often as they should be", () => {
  const numbers = [0.5, 2 ** -40, 0.25, 2 ** -40, 0.25 - 2 ** -39], sums = runningSum(numbers);
  const drawn = (...uniforms: number[]) =>
    drawPlace(sums, Object.assign(new Philox(0, 0), { uniform: () => uniforms.shift()! }));
  assertEquals([drawn(0, 0), drawn(0.5 - 2 ** -24, 1 - 2 ** -24)], [0, 0]);
  assertEquals([drawn(0.5, 0), drawn(0.5, 2 ** -16 - 2 ** -24)], [1, 1]); // 2^8 of 2^48 draws
  assertEquals([drawn(0.5, 2 ** -16), drawn(0.75, 2 ** -16 - 2 ** -24)], [2, 2]);
  assertEquals([drawn(0.75, 2 ** -16), drawn(0.75, 2 ** -15 - 2 ** -24)], [3, 3]);
  assertEquals([drawn(0.75, 2 ** -15), drawn(1 - 2 ** -24, 1 - 2 ** -24)], [4, 4]);
});

Deno.test("drawPlace() draws numbers of any sum, in proportion", () => {
  const random = new Philox(3, 1), counts = new Uint32Array(3), sums = runningSum([6, 0, 3]);
  for (let i = 0; i < 9000; i++) counts[drawPlace(sums, random)]!++;
  assertEquals(counts[1], 0);
  assert(Math.abs(counts[0]! - 6000) < 225, `${counts}`); // 5 standard deviations
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
