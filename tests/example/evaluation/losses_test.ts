// Losses that wait on the GPU: their sum is the same bits however often it is asked for.

import { assertEquals } from "@std/assert";
import { followed, Losses, NOTHING, ofRanks } from "../../../example/evaluation/losses.ts";
import type { Gpu } from "../../../mod.ts";
import { values } from "../../reference/data.ts";
import { withGpu } from "../../support/gpu.ts";

/** Pushes these losses, of 1, 2, 3, ... tokens from `from` on. */
function push(gpu: Gpu, losses: Losses, numbers: Float32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    using loss = gpu.tensor([1], numbers.slice(i, i + 1));
    losses.push(loss, i + 1);
  }
}

Deno.test("Losses.sums() gives the bits of one sum, after breaks and in another process", () =>
  withGpu(async (gpu) => {
    const numbers = values(300, 1); // more than there is room for at first
    let sum = 0;
    numbers.forEach((loss, i) => sum += (i + 1) * loss);
    const expected = { sum, tokens: 300 * 301 / 2, batches: 300, firstBad: -1 };
    using whole = new Losses(gpu), broken = new Losses(gpu), second = new Losses(gpu);
    push(gpu, whole, numbers, 0, 300);
    assertEquals(await whole.sums(), expected);
    for (const [from, to] of [[0, 7], [7, 7], [7, 100]] as const) {
      push(gpu, broken, numbers, from, to);
      await broken.sums();
    }
    second.restore(JSON.parse(JSON.stringify(await broken.sums())));
    for (const rest of [broken, second]) {
      push(gpu, rest, numbers, 100, 300);
      assertEquals(await rest.take(), expected);
      assertEquals(await rest.sums(), { sum: 0, tokens: 0, batches: 0, firstBad: -1 });
    }
  }));

Deno.test("Losses count from the last line to the first loss that is not finite", () =>
  withGpu(async (gpu) => {
    const numbers = Float32Array.of(1, 2, 3, Infinity, 5, NaN);
    using losses = new Losses(gpu);
    push(gpu, losses, numbers, 0, 2);
    assertEquals((await losses.sums()).firstBad, -1);
    push(gpu, losses, numbers, 2, 5);
    assertEquals((await losses.sums()).firstBad, 3);
    push(gpu, losses, numbers, 5, 6);
    assertEquals((await losses.take()).firstBad, 3);
  }));

Deno.test("ofRanks() and followed() sum the losses of ranks and of batches in turn, and know the first bad one", () => {
  const parts = [
    { sum: 3, tokens: 2, batches: 4, firstBad: -1 },
    { sum: 5, tokens: 1, batches: 4, firstBad: 3 },
    { sum: 7, tokens: 0, batches: 4, firstBad: 1 },
  ];
  const both = { sum: 15, tokens: 3, batches: 4, firstBad: 1 };
  assertEquals(ofRanks(parts), both);
  assertEquals(ofRanks(parts.slice(0, 1)), parts[0]);
  assertEquals(followed(NOTHING, both), both);
  const twice = { sum: 18, tokens: 5, batches: 8 };
  assertEquals(followed(parts[0]!, both), { ...twice, firstBad: 5 });
  assertEquals(followed(both, parts[0]!), { ...twice, firstBad: 1 });
});
