// Saved optimizers go on to the same bits, wherever they are loaded.

import { assertEquals, assertRejects } from "@std/assert";
import type { Gpu, TableDType } from "../../../mod.ts";
import type { SavedOptimizer } from "../../../nce/nn/mod.ts";
import { withGpu } from "../../support/gpu.ts";
import {
  bitsOf,
  fillFrom,
  FIRST,
  MAKERS,
  REST,
  type Scene,
  sceneOf,
  train,
} from "../../support/optimizers.ts";

/** Steps that have nothing to do with the state. */
const OTHERS = [50, 51];

/** Ways to load, into optimizers that have done something before or not. */
const WAYS: Readonly<Record<string, (gpu: Gpu, at: Scene, saved: SavedOptimizer) => unknown>> = {
  "a new one": (_, { optimizer }, saved) => optimizer.load(saved),
  "a used one": (gpu, { optimizer, parameters }, saved) => {
    train(gpu, parameters, optimizer, OTHERS);
    optimizer.load(saved);
  },
  "a used one without anything deferred": async (gpu, at, saved) => {
    train(gpu, at.parameters, at.optimizer, OTHERS);
    await bitsOf(gpu, at);
    at.optimizer.load(saved);
  },
  "a new one, from elsewhere": (gpu, { optimizer }, saved) =>
    optimizer.load(saved, fillFrom(gpu, saved)),
  "a used one, from elsewhere": (gpu, { optimizer, parameters }, saved) => {
    train(gpu, parameters, optimizer, OTHERS);
    return optimizer.load(saved, fillFrom(gpu, saved));
  },
  "one whose load was broken off": async (gpu, at, saved) => {
    const broken = at.optimizer.load(saved, (tensor) => {
      gpu.clear(tensor);
      throw new Error("the disk is gone");
    });
    await assertRejects(() => broken, Error, "the disk is gone");
    at.optimizer.load(saved);
  },
};

const PLACES = ["the beginning", "steps at one rate", "the middle", "all rows read"];

/**
 * Saves an optimizer at the beginning, with updates deferred at one rate and at several, and without; returns where
 * it goes on to. Each state is loaded in a way that depends on `turn`.
 */
async function saveAndGoOn(
  gpu: Gpu,
  name: string,
  dtype: TableDType,
  turn: number,
): Promise<Float32Array[][]> {
  using stack = new DisposableStack();
  const ends: Float32Array[][] = [], ways = Object.entries(WAYS);
  const one = sceneOf(gpu, stack, name, dtype), { optimizer, parameters } = one;
  for (const [i, at] of PLACES.entries()) {
    if (at === "steps at one rate") train(gpu, parameters, optimizer, FIRST.slice(0, 2));
    if (at === "the middle") train(gpu, parameters, optimizer, FIRST);
    if (at === "all rows read") await bitsOf(gpu, one);
    const saved = structuredClone(await optimizer.save());
    train(gpu, parameters, optimizer, REST);
    const expected = await bitsOf(gpu, one);
    const [way, load] = ways[(turn + i) % ways.length]!;
    const other = sceneOf(gpu, stack, name, dtype);
    await load(gpu, other, saved);
    train(gpu, other.parameters, other.optimizer, REST);
    assertEquals(await bitsOf(gpu, other), expected, `${name}, ${dtype}, ${at}, ${way}`);
    optimizer.load(saved); // back to where it was
    assertEquals(await optimizer.save(), saved, name);
    ends.push(expected);
  }
  return ends;
}

Deno.test("what an optimizer saves goes on to the same bits in any other, whatever that did before; in parts or not", async () => {
  for (const [i, dtype] of (["f32", "f16"] as const).entries()) {
    const ends: Float32Array[][][][] = [];
    for (const [part, maxBindingBytes] of [2 ** 27, 1].entries()) {
      await withGpu(async (gpu) => {
        const turn = i + part * PLACES.length;
        ends.push(
          await Promise.all( // side by side, as each waits for the GPU most of the time
            Object.keys(MAKERS).map((name) => saveAndGoOn(gpu, name, dtype, turn)),
          ),
        );
      }, { maxBindingBytes });
    }
    assertEquals(ends[1], ends[0]);
  }
});

Deno.test("saving leaves no trace, and a state is read some rows at a time", () =>
  withGpu(async (gpu) => {
    for (const name of Object.keys(MAKERS)) {
      using stack = new DisposableStack();
      const [one, other] = [sceneOf(gpu, stack, name, "f16"), sceneOf(gpu, stack, name, "f16")];
      for (const { parameters, optimizer } of [one, other]) {
        train(gpu, parameters, optimizer, FIRST);
      }
      const { tensors, ...rest } = await one.optimizer.save();
      {
        using state = one.optimizer.state();
        assertEquals(JSON.parse(JSON.stringify(state.header)), {
          ...rest,
          tensors: Object.fromEntries(
            Object.entries(tensors).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
          ),
        });
        for (const [name, tensor] of state.tensors) {
          const half = tensor.shape[0]! > 64 ? 64 : tensor.shape[0]!;
          using slice = tensor.slice(0, half);
          assertEquals(await gpu.read(slice), tensors[name]!.data.slice(0, slice.size), name);
        }
      }
      for (const { parameters, optimizer } of [one, other]) {
        train(gpu, parameters, optimizer, REST);
      }
      assertEquals(await bitsOf(gpu, one), await bitsOf(gpu, other), name);
    }
  }));
