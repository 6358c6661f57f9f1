// --sync-every: ranks that take steps by themselves, in one process.

import { assert, assertEquals } from "@std/assert";
import { largestDifference, SMALL, trainInProcess } from "../../../bench/ranks.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import type { Given } from "../../../example/options/option.ts";
import { assertClose } from "../../support/close.ts";
import { finishedRun } from "../../support/finished_run.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpus } from "../../support/ranks.ts";
import { events } from "../../support/tiny_run.ts";
import { trainTogether } from "../../support/together.ts";

const DATA: Given = { "data": "synthetic:words=1000,vocab=100" };
/** Rows of the same length, so that each rank has as many tokens; nothing that is not linear in a gradient. */
const LINEAR: Given = {
  ...{ "concat": true, "bptt": "6", "batch-size": "6", "momentum": "0", "clip": "1e9" },
};
const EACH_STEP: Given = { "distributed": true, "sync-every": "1000" };
const STEPS = 5;

Deno.test("ranks that come together after each step train by the mean of their gradients, as without --sync-every", () =>
  withGpus(3, async (gpus) => {
    const corpus = await loadCorpus({ data: DATA["data"] as string });
    const cases: Given[] = [
      { "loss": "nce" },
      { "loss": "mix", "per-word": true, "index-module": "gru" },
      { "loss": "full", "carry-state": true, "tied": true },
    ];
    for (const given of cases) {
      for (const size of given["loss"] === "nce" ? [1, 2, 3] : [2]) {
        const some = gpus.slice(0, size), what = `${JSON.stringify(given)}, ${size} ranks`;
        const plain = { ...SMALL, ...LINEAR, ...given };
        const [expected] = await trainInProcess(some, corpus, plain, STEPS);
        const all = await trainInProcess(some, corpus, { ...plain, ...EACH_STEP }, STEPS);
        for (const rank of all) assertEquals(largestDifference(rank, all[0]!).most, 0, what);
        for (const [name, numbers] of expected!.tensors) {
          assertClose(all[0]!.tensors.get(name)!, numbers, { atol: 2e-6, rtol: 1e-6 }, what + name);
        }
        const loss = all.reduce((sum, rank) => sum + rank.loss, 0) / size;
        assertClose([loss], [expected!.loss], { atol: 2e-6 }, `${what}: loss`);
      }
    }
  }));

/** Options of a short run in which ranks come together within an epoch and at its end. */
const SHORT: Given = {
  ...{ ...DATA, "emsize": "9", "nhid": "10", "nce": true, "noise-ratio": "5" },
  ...{ "concat": true, "carry-state": true, "bptt": "8", "batch-size": "5", "epochs": "2" },
  ...{ "distributed": true, "sync-every": "7", "outer-lr": "0.9", "outer-momentum": "0.3" },
  ...{ "log-interval": "10", "lr": "0.4", "quiet": true },
};

/** The value of a field in the events of a kind. */
function valuesOf(kind: string, field: string): number[] {
  return events("model").flatMap((event) =>
    event["event"] === kind ? [event[field] as number] : []
  );
}

/** Runs `body` in a folder of this name. */
async function within(name: string, body: () => Promise<void>): Promise<void> {
  const before = Deno.cwd();
  Deno.mkdirSync(name);
  Deno.chdir(name);
  await body();
  Deno.chdir(before);
}

Deno.test("train() --sync-every learns, records all tokens, and goes on from where ranks came together to the same bits", () =>
  inFolder(async (folder) => {
    const stop = { ...SHORT, "max-minutes": "0" }, resume = { ...SHORT, "resume": true };
    await within("whole", async () => {
      await trainTogether(SHORT, 2);
      const { tokens } = (await loadCorpus({ data: DATA["data"] as string })).train;
      assertEquals(valuesOf("train", "tokens"), [400, 800, tokens, 400, 800, tokens]);
      for (const ppl of valuesOf("epoch", "validPpl")) assert(ppl < 50, `${ppl} of 103 words`);
    });
    await within("parts", async () => {
      await trainTogether(stop, 2);
      const lines = await trainTogether(resume, 2);
      const place = /^resumes .* epoch 1, after 7 batches$/;
      assert(lines.some((line) => place.test(line)), lines.join());
    });
    const [whole, parts] = await Promise.all(
      ["whole", "parts"].map((name) => finishedRun(`${folder}/${name}/saved_model`)),
    );
    const { record: [, ...record], ...others } = whole!; // the first line has --max-minutes
    assertEquals(parts, { ...others, record: [parts!.record[0]!, ...record] });
    await within("others", async () => {
      await trainTogether(stop, 2);
      await trainTogether(resume, 3);
      assertEquals(valuesOf("epoch", "epoch"), [1, 2]);
    });
  }));
