// Ranks that train together, in one process, against a single one: bench/ranks.ts has all losses and modules.

import { assert, assertEquals } from "@std/assert";
import { largestDifference, SMALL, trainInProcess } from "../../../bench/ranks.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import type { Given } from "../../../example/options/option.ts";
import { Gpu } from "../../../mod.ts";
import { assertClose } from "../../support/close.ts";
import { inFolder } from "../../support/folder.ts";
import { resultsOf, withGpus } from "../../support/ranks.ts";
import { trainTogether } from "../../support/together.ts";
import { events } from "../../support/tiny_run.ts";

const DATA: Given = { "data": "synthetic:words=1000,vocab=100" };
/** Each way of drawing noise and masks by a row's place in the batch, and batches with fewer rows than ranks. */
const CASES: readonly Given[] = [
  { "loss": "nce", "per-word": true, "norm-term": "learned", "optimizer": "adam", "lr": "0.01" },
  { "loss": "sampled", "noise": "batch+unigram", "index-module": "gru", "nlayers": "1" },
  {
    "loss": "mix",
    "per-word": true,
    "index-module": "gru",
    "noise-ratio": "4",
    "optimizer": "adagrad",
    "lr": "0.01",
  },
  {
    ...{ "loss": "full", "tied": true, "self-norm": "0.1", "norm-term": "learned" },
    ...{ "concat": true, "carry-state": true, "bptt": "6", "batch-size": "2" },
  },
  { "loss": "nce", "tied": true, "weight-decay": "1e-3" },
];
const STEPS = 4;

Deno.test("training is the same with two ranks and three as with one, and ranks have equal bits", () =>
  withGpus(3, async (gpus) => {
    const corpus = await loadCorpus({ data: DATA["data"] as string });
    for (const given of CASES) {
      const trainBy = (size: number) =>
        trainInProcess(gpus.slice(0, size), corpus, { ...SMALL, ...given }, STEPS);
      const [one] = await trainBy(1);
      for (const size of [2, 3]) {
        const all = await trainBy(size), what = `${JSON.stringify(given)}, ${size} ranks`;
        for (const rank of all) assertEquals(largestDifference(rank, all[0]!).most, 0, what);
        assertClose([all[0]!.loss], [one!.loss], { atol: 2e-6, rtol: 1e-6 }, `${what}: loss`);
        for (const [name, numbers] of one!.tensors) {
          assertClose(all[0]!.tensors.get(name)!, numbers, { atol: 2e-6, rtol: 1e-6 }, what + name);
        }
      }
    }
  }));

Deno.test("ranks round tables of 16-bit floats alike: they have equal bits, and the losses of a single one", async () => {
  await using one = await Gpu.create(), two = await Gpu.create();
  const corpus = await loadCorpus({ data: DATA["data"] as string });
  for (const loss of ["nce", "full"]) {
    const given = { ...SMALL, loss, "emsize": "14", "table-dtype": "f16" };
    const [alone] = await trainInProcess([one], corpus, given, STEPS);
    const [first, second] = await trainInProcess([one, two], corpus, given, STEPS);
    assertEquals(largestDifference(first!, second!).most, 0, loss);
    assertClose([first!.loss], [alone!.loss], { rtol: 1e-4 }, loss);
  }
});

/** Options of a short run with carried states. */
const SHORT: Given = {
  ...{ ...DATA, "emsize": "9", "nhid": "10", "nce": true, "noise-ratio": "5" },
  ...{ "concat": true, "carry-state": true, "bptt": "8", "batch-size": "4" },
};

Deno.test("train() by three ranks writes one record and one model, those of a single rank", () =>
  inFolder(async () => {
    const given = { ...SHORT, "epochs": "1", "log-interval": "9" };
    await trainTogether({ ...given, "save": "one" }, 1);
    await trainTogether({ ...given, "save": "three" }, 3);
    assertEquals(
      events("three").map(({ event }) => event),
      events("one").map(({ event }) => event),
    );
    assertClose(resultsOf("three"), resultsOf("one"), { rtol: 1e-5 });
  }));

Deno.test("a checkpoint of two ranks goes on with three, carried states included, and ends as one rank does", () =>
  inFolder(async () => {
    const given = { ...SHORT, "epochs": "1", "log-interval": "100" };
    await trainTogether({ ...given, "save": "one" }, 1);
    await trainTogether({ ...given, "save": "parts", "max-minutes": "0" }, 2);
    const lines = await trainTogether({ ...given, "save": "parts", "resume": true }, 3);
    const place = /^resumes {5}saved_model\/parts.checkpoint.safetensors: epoch 1, after [1-9]/;
    assert(lines.some((line) => place.test(line)), lines.join("\n"));
    assertClose(resultsOf("parts"), resultsOf("one"), { rtol: 1e-5 });
  }));

Deno.test("the first rank alone computes the audits of a run, which ends as one without them", () =>
  inFolder(async () => {
    const begin = Gpu.prototype.step, audited = new Map<Gpu, number>();
    using _stack = new DisposableStack();
    _stack.defer(() => void (Gpu.prototype.step = begin));
    Gpu.prototype.step = function (this: Gpu, options) {
      if (options?.dropout === false) audited.set(this, (audited.get(this) ?? 0) + 1);
      return begin.call(this, options);
    };
    const given = { ...SHORT, "epochs": "1", "log-interval": "100" };
    await trainTogether({ ...given, "save": "plain" }, 2);
    await trainTogether({ ...given, "save": "audited", "audit": "9" }, 2);
    const audits = events("audited").filter(({ event }) => event === "audit").length;
    assert(audits > 1, `${audits} audits`);
    // Each has 8 draws and the exact gradient; the one before training 2.
    assertEquals([...audited.values()], [9 * audits + 3]);
    assertEquals(resultsOf("audited"), resultsOf("plain"));
  }));
