// Tables that are divided among ranks, on their way to rank 0's files and back.

import { assertEquals, assertRejects } from "@std/assert";
import { makeModel } from "../../../example/model/make_model.ts";
import { loadModel, restoreModel } from "../../../example/storage/saved_model.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { spread, withShards } from "../../../example/storage/shards.ts";
import { readRows, wholeShape } from "../../../example/storage/tensors.ts";
import { type Communicator, ownRows, ranksInProcess } from "../../../kernels/mod.ts";
import { Gpu, type Tensor } from "../../../mod.ts";
import { inFolder } from "../../support/folder.ts";
import { saveModel } from "../../support/saved_models.ts";

/** Runs `body` on ranks that share a device. */
async function onRanks(
  size: number,
  body: (gpu: Gpu, communicator: Communicator) => Promise<void>,
): Promise<void> {
  await using gpu = await Gpu.create();
  await Promise.all(ranksInProcess(size).map((communicator) => body(gpu, communicator)));
}

/** More than one range: 4 MiB. */
const [ROWS, WIDTH] = [130_000, 9];
const NUMBERS = new Float32Array(ROWS * WIDTH).map((_, i) => i);

function shardOf(gpu: Gpu, { rank, size }: Communicator, rows: number, row: number[]): Tensor {
  const shard = { rank, ranks: size, rows };
  const table = gpu.table([Math.ceil((rows - rank) / size), ...row]);
  table.shard = shard;
  return table;
}

Deno.test("spread() gives each rank its rows, and withShards() gives rank 0 all of them, a range at a time", () =>
  onRanks(3, async (gpu, communicator) => {
    const { rank, size } = communicator;
    using table = shardOf(gpu, communicator, ROWS, [WIDTH]);
    using few = gpu.tensor([2], new Uint32Array(2));
    const source = {
      size: NUMBERS.length,
      read: (begin: number, end: number) => NUMBERS.slice(begin, end),
    };
    await spread(gpu, communicator, table, rank === 0 ? source : undefined);
    await spread(gpu, communicator, few, rank === 0 ? source : undefined);
    assertEquals(await gpu.read(table), ownRows(NUMBERS, WIDTH, { rank, ranks: size }));
    assertEquals(await gpu.read(few), Uint32Array.of(0, 1));
    assertEquals(wholeShape(table), [ROWS, WIDTH]);
    const all = [["a", few], ["b", table]] as const;
    const sizes = await withShards(gpu, communicator, all, async (read) => {
      const sizes: number[] = [], found = new Float32Array(NUMBERS.length);
      if (rank > 0) return sizes;
      await readRows(gpu, few, (numbers) => assertEquals([...numbers], [0, 1]), read);
      await readRows(gpu, table, (numbers, at) => {
        sizes.push(numbers.byteLength);
        found.set(numbers, at);
      }, read);
      assertEquals(found, NUMBERS);
      return sizes;
    });
    assertEquals([sizes.length, Math.max(0, ...sizes) <= 2 ** 22], [rank === 0 ? 2 : 0, true]);
  }));

Deno.test("withShards() lets the other ranks go on when rank 0 fails, and rank 0 fails as it did", () =>
  onRanks(2, async (gpu, communicator) => {
    using table = shardOf(gpu, communicator, 5, [1]);
    const run = withShards(gpu, communicator, [["table", table]], async (read) => {
      if (communicator.rank > 0) return;
      await read(table, { first: 0, count: 5 });
      throw new Failure("the disk is full");
    });
    if (communicator.rank === 0) await assertRejects(() => run, Failure, "the disk is full");
    else await run;
    await communicator.barrier();
  }));

Deno.test("a saved model is loaded and restored in shards, which are rows of it", () =>
  inFolder(() =>
    onRanks(3, async (gpu, communicator) => {
      const { rank, size: ranks } = communicator, path = "model.safetensors";
      const settings = parseSettings({ emsize: "3", nhid: "4", nlayers: "1", loss: "nce" });
      const words = Array.from({ length: 50 }, (_, i) => `w${i}`);
      const vocabulary = Vocabulary.from(["<unk>", "<s>", "</s>", ...words], Array(53).fill(2));
      using whole = makeModel(gpu, settings, vocabulary);
      let written = "";
      if (rank === 0) written = await saveModel(gpu, path, whole, { vocabulary, settings });
      await communicator.barrier(); // the file is there
      using loaded = loadModel(gpu, path, undefined, { rank, ranks }).model;
      using other = makeModel(gpu, { ...settings, seed: 5 }, vocabulary, { rank, ranks });
      await restoreModel(gpu, path, other, written, vocabulary, communicator);
      for (const [i, [name, parameter]] of whole.parameters().entries()) {
        const all = await gpu.readFloats(parameter), rows = parameter.shape[0]!;
        const own = rows === 53 ? ownRows(all, all.length / rows, { rank, ranks }) : all;
        for (const model of [loaded, other]) {
          assertEquals(await gpu.readFloats(model.parameters()[i]![1]), own, name);
        }
      }
    })
  ));
