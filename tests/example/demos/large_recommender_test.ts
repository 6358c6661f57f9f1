// The recommender over very many items, over few.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Catalogue } from "../../../example/demos/catalogue.ts";
import {
  checkItems,
  describeItems,
  type LargeOutcome,
  type LargeTraining,
  memoryOfItems,
  recommendLarge,
} from "../../../example/demos/large_recommender.ts";
import { Market } from "../../../example/demos/market.ts";
import { totalBytes } from "../../../example/model/memory.ts";
import { Failure } from "../../../example/shared/errors.ts";
import type { Gpu } from "../../../mod.ts";
import { peakMemory, withGpu } from "../../support/gpu.ts";

const MARKET = new Market({ items: 200, features: 3, ages: 4, regions: 3 }, 3);
const TRAINING = { dim: 8, steps: 150, batch: 256, sample: 12, shown: 10 };
/** Tables in one buffer, even where parts are forced on all tests. */
const WHOLE = { maxBindingBytes: 2 ** 27 };

async function outcomes(gpu: Gpu, variants: number, changes: Partial<LargeTraining> = {}) {
  const all: LargeOutcome[] = [], catalogue = new Catalogue(MARKET, variants);
  const training = { ...TRAINING, ...changes };
  for await (const outcome of recommendLarge(gpu, catalogue, training)) all.push(outcome);
  return all;
}

Deno.test("a vector for each item, learned in-batch, finds far more of the best items than popularity", () =>
  withGpu(async (gpu) => {
    const [blind, popular, trained] = await outcomes(gpu, 10);
    assertEquals(blind, { name: "blind choice", recall: { mean: 10 / 2000, error: 0 } });
    assertEquals(popular!.name, "popularity alone");
    assertEquals(trained!.name, "sampled, in-batch");
    const gap = trained!.recall.mean - popular!.recall.mean;
    assert(trained!.recall.mean >= 0.85, `recall ${trained!.recall.mean}`);
    assert(gap > 0.2, `${gap} above popularity`);
    assert(trained!.stepMs! > 0);
  }));

Deno.test("the same items are found in a table of many parts as in one buffer", async () => {
  const found: { recalls: unknown; ids: unknown; buffers: number }[] = [];
  for (const options of [WHOLE, { maxBindingBytes: 1 }]) {
    await withGpu(async (gpu) => {
      const read = gpu.read.bind(gpu), ids: unknown[] = [];
      let buffers = 0;
      gpu.read = async (tensor) => {
        const values = await read(tensor);
        if (tensor.dtype === "u32") ids.push(values);
        buffers = Math.max(buffers, gpu.memory.buffers);
        return values;
      };
      const recalls = (await outcomes(gpu, 2, { steps: 40, batch: 96 })).map((o) => o.recall);
      found.push({ recalls, ids, buffers });
    }, options);
  }
  const [one, many] = found;
  assertEquals([one!.ids, one!.recalls], [many!.ids, many!.recalls]);
  assertEquals((one!.ids as Uint32Array[]).map(({ length }) => length), [MARKET.users * 10]);
  // 400 rows are 7 parts of at most 64: 6 buffers more for the vectors, the biases, their squares and ln q.
  assert(many!.buffers - one!.buffers >= 5 * 6, `${many!.buffers} and ${one!.buffers} buffers`);
});

Deno.test("recall over all kinds of users has no error, over a part that of a sample without replacement", () =>
  withGpu(async (gpu) => {
    const of = async (sample: number) => (await outcomes(gpu, 10, { steps: 1, sample }))[1]!.recall;
    const catalogue = new Catalogue(MARKET, 10), popular = new Set(catalogue.mostPopular(10));
    const each = Array.from(
      { length: MARKET.users },
      (_, user) => popular.intersection(new Set(catalogue.best(user, 10))).size / 10,
    );
    const mean = each.reduce((sum, x) => sum + x, 0) / MARKET.users;
    const all = await of(MARKET.users);
    assertAlmostEquals(all.mean, mean, 1e-12);
    assertEquals(all.error, 0);
    assertEquals(await of(1000), all);
    // All users but one.
    const n = MARKET.users - 1, part = await of(n), left = mean + n * (mean - part.mean);
    assert(each.some((x) => Math.abs(x - left) < 1e-9), `${left} of ${each}`);
    const squares = each.reduce((sum, x) => sum + (x - part.mean) ** 2, -((left - part.mean) ** 2));
    assertAlmostEquals(part.error ** 2, (1 - n / (n + 1)) * squares / (n - 1) / n, 1e-12);
  }));

Deno.test("memoryOfItems() is what the GPU holds but for a step, and is said before", () =>
  withGpu(async (gpu) => {
    const variants = 1000, items = variants * MARKET.sizes.items;
    const needs = memoryOfItems(items, MARKET.sizes, 8);
    const { bytes } = await peakMemory(gpu, async () => {
      await outcomes(gpu, variants, { steps: 1, batch: 8, sample: 1 });
    });
    const more = (bytes - totalBytes(needs)) / totalBytes(needs); // of a step, and the scores of some items
    assert(more >= 0 && more < 0.1, `${more} more`);
    assertEquals(
      describeItems({ maxTensorBytes: 2 ** 20 }, items, 8, needs),
      "15.2 MB on the GPU: tables 7.2 MB, moments 7.2 MB, noise 800 kB; the vectors lie in 7 buffers " +
        "or more; and about 16 MB in the program",
    );
    assert(!describeItems({ maxTensorBytes: 2 ** 27 }, items, 8, needs).includes("buffers"));
  }, WHOLE));

Deno.test("items for which there is no memory are refused, with the cure", () => {
  const items = 10_000_000, needs = memoryOfItems(items, MARKET.sizes, 16);
  const needed = totalBytes(needs) + 80 * items;
  checkItems(items, needs, needed);
  checkItems(items, needs, undefined);
  assertThrows(
    () => checkItems(items, needs, needed - 1),
    Failure,
    "Cannot hold 10000000 items: that takes 2.2 GB, but 2.2 GB are free; give fewer --items or a " +
      "smaller --dim",
  );
});
