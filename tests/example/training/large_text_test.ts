// Training on a text beyond memory: it goes on from any place to the same bits, and refuses other windows.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Epochs } from "../../../example/data/batches.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { LargeText } from "../../../example/data/large_text.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { train } from "../../../example/training/train.ts";
import { captureIo } from "../../support/capture_io.ts";
import { finishedRun } from "../../support/finished_run.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { TINY } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const LINES = Array.from(
  { length: 300 },
  (_, i) => Array.from({ length: 3 + i % 9 }, (_, j) => `w${(i * i + 7 * j) % 40}`).join(" "),
);
const FILES = {
  "train.txt": LINES.join("\n"),
  "valid.txt": LINES.slice(0, 20).join("\n"),
  "test.txt": LINES.slice(20, 40).join("\n"),
};
/** Bytes in memory: a third of the text. */
const MEMORY = 8e-6;

class Crash extends Error {}

/** Trains on the text in windows; throws at a line that begins with `mark`. */
async function trainInWindows(
  given: Given,
  mark?: string,
  corpusMemory = MEMORY,
): Promise<string[]> {
  const { "data": _, ...others } = TINY, io = captureIo();
  await withGpu(async (gpu) => {
    const settings = parseSettings({ ...others, ...given, "train": true, "data": "." });
    const sizes = { kept: 0, block: 100 };
    const corpus = await loadCorpus({ ...settings, corpusMemory }, undefined, sizes);
    assertEquals(corpus.train instanceof LargeText, corpusMemory < 1);
    using model = makeModel(gpu, settings, corpus.vocabulary);
    const out = (line: string) => {
      io.out(line);
      if (mark !== undefined && line.startsWith(mark)) throw new Crash(mark);
    };
    const epochs = new Epochs(corpus.train, settings);
    await train({ gpu, settings, corpus, epochs, io: { ...io, out } }, model);
  });
  return io.outLines;
}

Deno.test("training on a text in windows goes on with --resume to the same bits", async () => {
  const variants: Given[] = [
    { "nce": true, "log-interval": "1" },
    { "nce": true, "concat": true, "carry-state": true, "bptt": "9", "log-interval": "1" },
  ];
  for (const given of variants) {
    const expected = await inFolder(async (folder) => {
      await trainInWindows(given);
      return await finishedRun(`${folder}/saved_model`);
    }, FILES);
    await inFolder(async (folder) => {
      for (const mark of ["epoch 1/2 | batch 5/", "epoch 2/2 | batch 3/"]) {
        const crash = { ...given, "checkpoint-minutes": "0", "resume": true };
        await assertRejects(() => trainInWindows(crash, mark), Crash);
      }
      const lines = await trainInWindows({ ...given, "resume": true });
      const [resumes] = lines.filter((line) => line.startsWith("resumes"));
      assertMatch(resumes!, /epoch 2, after \d+ batches$/);
      const found = await finishedRun(`${folder}/saved_model`);
      assertEquals(found.checkpoint, expected.checkpoint);
      assertEquals(found.model, expected.model);
      const batches = /batch 5\/(\d+)/.exec(lines.join())?.[1] ?? "9";
      assert(Number(batches) > 8, `${batches} batches are one window`);
    }, FILES);
  }
});

Deno.test("--resume refuses other windows, and says which --corpus-memory there was", () =>
  inFolder(async () => {
    const given = { "nce": true, "epochs": "1" };
    await trainInWindows(given);
    const resumed = { ...given, "epochs": "2", "resume": true };
    for (const memory of [1e-5, 1]) {
      await assertRejects(
        () => trainInWindows(resumed, undefined, memory),
        Failure,
        "Cannot resume saved_model/model.checkpoint.safetensors: the text was in other windows: " +
          "give --corpus-memory 0.000008, or leave out --resume to start anew",
      );
    }
    await trainInWindows(resumed);
  }, FILES));
