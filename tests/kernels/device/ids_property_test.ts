// What a tensor knows of its ids: never less than what it holds, whatever is written, copied and cleared.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Gpu, Tensor } from "../../../mod.ts";
import { withGpu } from "../../support/gpu.ts";
import { checkAsync } from "../../support/property.ts";

/** Rows of a tensor and elements of a row: rows may be viewed as tensors of their own. */
const ROWS = 3, WIDTH = 64;

/** What may happen to one of two tensors; rows and elements are counted round. */
const action = fc.record({
  kind: fc.constantFrom("write", "write rows", "clear", "clear rows", "copy", "copy part"),
  to: fc.constantFrom(0, 1),
  row: fc.nat(ROWS - 1),
  rows: fc.integer({ min: 1, max: ROWS }),
  start: fc.nat(ROWS * WIDTH - 1),
  count: fc.integer({ min: 1, max: ROWS * WIDTH }),
  ids: fc.array(fc.nat({ max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 4 }),
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

/** Does `action` to the tensors and to what they should hold. */
function act(gpu: Gpu, tensors: readonly Tensor[], held: Uint32Array[], action: Action): void {
  const { kind, to, row, start, ids } = action, from = 1 - to;
  const tensor = tensors[to]!, content = held[to]!;
  const rows = Math.min(action.rows, ROWS - row),
    count = Math.min(action.count, content.length - start);
  const part = content.subarray(row * WIDTH, (row + rows) * WIDTH);
  using view = tensor.slice(row, rows);
  switch (kind) {
    case "write":
      content.forEach((_, i) => content[i] = ids[i % ids.length]!);
      return gpu.write(tensor, content);
    case "write rows":
      part.forEach((_, i) => part[i] = ids[i % ids.length]!);
      return gpu.write(view, part);
    case "clear":
      content.fill(0);
      return gpu.clear(tensor);
    case "clear rows":
      part.fill(0);
      return gpu.clear(view);
    case "copy":
      content.set(held[from]!);
      return gpu.copy(tensors[from]!, tensor);
    case "copy part":
      content.set(held[from]!.subarray(0, count), start);
      return gpu.copy(tensors[from]!, tensor, { toStart: start, count });
  }
}

Deno.test("idLimit is above every id of its tensor, and exact once all of it was written", () =>
  withGpu((gpu) =>
    checkAsync(fc.asyncProperty(fc.array(action, { maxLength: 12 }), async (actions) => {
      using stack = new DisposableStack();
      const held = [0, 1].map(() => new Uint32Array(ROWS * WIDTH));
      const tensors = held.map((ids) => stack.use(gpu.tensor([ROWS, WIDTH], ids)));
      for (const action of actions) {
        const before = tensors.map(({ idLimit }) => idLimit);
        act(gpu, tensors, held, action);
        const limit = tensors[action.to]!.idLimit, largest = Math.max(...held[action.to]!);
        assert(limit > largest, `${limit} for ${largest}`);
        if (action.kind === "write" || action.kind === "clear") assertEquals(limit, largest + 1);
        if (action.kind === "copy") assertEquals(limit, before[1 - action.to]);
        assertEquals(tensors[1 - action.to]!.idLimit, before[1 - action.to]);
      }
      await gpu.keepUp();
    }))
  ));

Deno.test("what the model of the property holds is what the tensors hold", () =>
  withGpu(async (gpu) => {
    const actions = fc.sample(fc.array(action, { minLength: 12, maxLength: 12 }), {
      numRuns: 20,
      seed: 7,
    });
    for (const sequence of actions) {
      using stack = new DisposableStack();
      const held = [0, 1].map(() => new Uint32Array(ROWS * WIDTH));
      const tensors = held.map((ids) => stack.use(gpu.tensor([ROWS, WIDTH], ids)));
      for (const action of sequence) act(gpu, tensors, held, action);
      for (const [i, tensor] of tensors.entries()) assertEquals(await gpu.read(tensor), held[i]);
    }
  }));
