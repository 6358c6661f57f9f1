// Ranks with a part of the tables each, against a single rank that has all: bench/ranks.ts has more cases.

import { assert, assertEquals } from "@std/assert";
import { largestDifference, SMALL, trainInProcess } from "../../../bench/ranks.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import type { Given } from "../../../example/options/option.ts";
import { assertClose } from "../../support/close.ts";
import { inFolder } from "../../support/folder.ts";
import { resultsOf, withGpus } from "../../support/ranks.ts";
import { trainTogether } from "../../support/together.ts";

const DATA: Given = { "data": "synthetic:words=1000,vocab=100" };
const SHARDED: Given = { "distributed": true, "shard-tables": true };
/** Each way of looking rows up, and each optimizer. */
const CASES: readonly Given[] = [
  { "loss": "nce", "per-word": true, "norm-term": "learned", "weight-decay": "1e-3" },
  {
    "loss": "mix",
    "per-word": true,
    "index-module": "gru",
    "noise-ratio": "4",
    "optimizer": "adagrad",
    "lr": "0.01",
    // One rank computes all words here, with a dense gradient, and so would decay all.
    "weight-decay": "0",
  },
  // Of pieces, some words are only read or only predicted: Adam moves no bias of the former.
  {
    ...{ "loss": "sampled", "noise": "batch+unigram", "optimizer": "adam", "lr": "0.01" },
    ...{ "tied": true, "concat": true, "bptt": "5" },
  },
  { "loss": "nce", "index-module": "gru", "noise-ratio": "7" },
];
const STEPS = 3;

Deno.test("training with divided tables is the same with two ranks and three as with one", () =>
  withGpus(3, async (gpus) => {
    const corpus = await loadCorpus({ data: DATA["data"] as string });
    for (const [i, given] of CASES.entries()) {
      const size = 3 - i % 2, what = `${JSON.stringify(given)}, ${size} ranks: `;
      const train = (size: number, more: Given) =>
        trainInProcess(gpus.slice(0, size), corpus, { ...SMALL, ...given, ...more }, STEPS);
      const [one] = await train(1, {}), all = await train(size, SHARDED);
      for (const rank of all) assertEquals(largestDifference(rank, all[0]!).most, 0, what);
      assertClose([all[0]!.loss], [one!.loss], { atol: 2e-6, rtol: 1e-6 }, `${what}loss`);
      assertEquals([...all[0]!.tensors.keys()], [...one!.tensors.keys()]);
      for (const [name, numbers] of one!.tensors) {
        assertClose(all[0]!.tensors.get(name)!, numbers, { atol: 2e-6, rtol: 1e-6 }, what + name);
      }
    }
  }));

/** Options of a short run with carried states, validated exactly and tested by a loss. */
const SHORT: Given = {
  ...{ "data": "synthetic:words=1000,vocab=100", "emsize": "9", "nhid": "10", "epochs": "1" },
  ...{
    "concat": true,
    "carry-state": true,
    "bptt": "8",
    "batch-size": "14",
    "log-interval": "100",
  },
  ...{ "nce": true, "noise-ratio": "5", "evaluation": "sampled:6" },
};

Deno.test("checkpoints of divided tables are those of whole ones: runs go on with other ranks, divided or not", () =>
  inFolder(async () => {
    await trainTogether({ ...SHORT, "save": "one" }, 1);
    await trainTogether({ ...SHORT, ...SHARDED, "save": "undisturbed" }, 2);
    const expected = resultsOf("one");
    assertClose(resultsOf("undisturbed"), expected, { rtol: 1e-5 });
    const model = (save: string) => Deno.readFileSync(`saved_model/${save}.safetensors`);
    const runs: readonly [save: string, before: Given, from: number, after: Given, to: number][] = [
      ["same", SHARDED, 2, SHARDED, 2],
      ["whole", SHARDED, 3, {}, 1],
      ["divided", {}, 2, SHARDED, 3],
    ];
    for (const [save, before, from, after, to] of runs) {
      await trainTogether({ ...SHORT, ...before, save, "max-minutes": "0" }, from);
      const lines = await trainTogether({ ...SHORT, ...after, save, "resume": true }, to);
      const place = /^resumes {5}saved_model\/.*.checkpoint.safetensors: epoch 1, after [1-9]/;
      assert(lines.some((line) => place.test(line)), lines.join("\n"));
      assertClose(resultsOf(save), expected, { rtol: 1e-5 });
    }
    assertEquals(model("same"), model("undisturbed"));
  }));
