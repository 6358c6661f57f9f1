/** What does not fit the device is known from sizes: the checks and the library agree, and so do the cures. */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Epochs, trainingBatches } from "../../../example/data/batches.ts";
import {
  boundsOf,
  checkEvaluation,
  checkModel,
  checkTimestamps,
  checkTraining,
  largestShape,
} from "../../../example/model/checks.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { dryRun } from "../../../example/training/dry_run.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { Ranks } from "../../../example/shared/ranks.ts";
import { weightedSum } from "../../../kernels/ops.ts";
import { uploadIds, uploadWeights } from "../../../example/model/batch_loss.ts";
import { Losses } from "../../../example/evaluation/losses.ts";
import type { Given } from "../../../example/options/option.ts";
import type { Settings } from "../../../example/options/options.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Trainer } from "../../../example/training/trainer.ts";
import { DeviceError, type Gpu } from "../../../mod.ts";
import { limitedGpu, withGpu } from "../../support/gpu.ts";
import { check } from "../../support/property.ts";
import { loadWhole } from "../../support/texts.ts";

/** Mesa's software driver. */
const LLVMPIPE = { maxTensorBytes: 2 ** 27 };
/** A device that binds so little that small batches are too large for it. */
const SMALL = { maxTensorBytes: 2 ** 17 };
const CORPUS = await loadWhole({ data: "synthetic:words=1000,vocab=100" });

function settingsOf(given: Given): Settings {
  return parseSettings({ train: true, ...given });
}

/** What the check of a training run says, or undefined if everything fits. */
function complaint(given: Given, limits: typeof LLVMPIPE): string | undefined {
  const settings = settingsOf(given), bounds = boundsOf(limits, CORPUS.vocabulary.size);
  const batches = trainingBatches(CORPUS.train, settings, 1);
  try {
    checkModel(settings, bounds);
    checkTraining(settings, bounds, largestShape(CORPUS.train, batches.largest(), settings.concat));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.message;
  }
}

const upTo = (...limits: number[]) =>
  fc.oneof(...limits.map((max) => fc.integer({ min: 1, max }))).map(String);
const sampledLoss: fc.Arbitrary<Given> = fc.record({
  "loss": fc.constantFrom("nce", "sampled", "mix", "neg"),
  "emsize": upTo(10, 100, 700),
  "nhid": upTo(10, 60, 140),
  "nlayers": fc.constant("1"),
  "batch-size": upTo(5, 30, 200),
  "bptt": upTo(12).filter((bptt) => bptt !== "1"),
  "concat": fc.boolean(),
}).chain((sizes) =>
  fc.record({ noise: fc.constantFrom("drawn", "own", "batch", "both"), ratio: upTo(5, 100, 1000) })
    .map(({ noise, ratio }): Given => ({
      ...sizes,
      ...noise === "batch" ? { noise } : { "noise-ratio": ratio },
      ...noise === "both" && { noise: "batch+uniform" },
      ...noise === "own" && { "per-word": true },
    }))
);

/** Rows that are too large once they are whole vectors, as a software adapter wants them. */
const EDGES: readonly Given[] = [["131", "8"], ["5", "131"], ["250", "131"]].map((
  [k, E],
): Given => ({
  "loss": "nce",
  "concat": true,
  "bptt": k === "250" ? "2" : "10",
  "batch-size": k === "250" ? "5" : "25",
  "noise-ratio": k,
  "emsize": E,
  "nhid": "8",
  "nlayers": "1",
}));

/** The library's own complaint about a training step on the largest batch, or undefined; forward for a GRU. */
function failure(gpu: Gpu, settings: Settings): string | undefined {
  const batch = trainingBatches(CORPUS.train, settings, 1).largest();
  try {
    using model = makeModel(gpu, settings, CORPUS.vocabulary);
    using step = gpu.step({ training: true });
    const { input, target, resets } = uploadIds(step, batch);
    const { loss } = model.forward(step, input, target, { resets });
    // The partial sums of its gradient take as much as any device has.
    if (settings.indexModule === "gru") return;
    const gradients = step.backward(weightedSum(step, loss, uploadWeights(step, batch)));
    for (const [, parameter] of model.parameters()) gradients.get(parameter);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return error.message;
  }
}

Deno.test("checkTraining() refuses exactly what the library refuses", async () => {
  await using gpu = await limitedGpu({ maxStorageBufferBindingSize: SMALL.maxTensorBytes }, {
    maxBindingBytes: SMALL.maxTensorBytes,
  });
  const cases = fc.sample(sampledLoss, { numRuns: 60, seed: 1111 });
  const refused = cases.filter((given) => {
    const said = complaint(given, SMALL), was = failure(gpu, settingsOf(given));
    assertEquals(said === undefined, was === undefined, JSON.stringify({ given, said, was }));
    // An IndexGRU takes words in groups, which differ by adapter, so that a little more would fit at times.
    const gru: Given = { ...given, "index-module": "gru" };
    const saidOfGru = complaint(gru, SMALL), wasOfGru = failure(gpu, settingsOf(gru));
    assert(saidOfGru !== undefined || wasOfGru === undefined, JSON.stringify({ gru, wasOfGru }));
    return said !== undefined;
  });
  for (const given of EDGES) assert(complaint(given, SMALL) !== undefined, "no whole vectors");
  assert(refused.length > 10 && refused.length < 50, `${refused.length} of 60 do not fit`);
});

Deno.test("checkTraining() names values that do fit", () => {
  let cures = 0;
  check(fc.property(sampledLoss, fc.boolean(), (linear, isGru) => {
    const given = isGru ? { ...linear, "index-module": "gru" } : linear;
    const message = complaint(given, SMALL);
    if (message === undefined) return;
    assert(
      /^Cannot use (--[a-z-]+ \d+(,| with| and)? ?)+on this device: [^\n]+$/.test(message),
      message,
    );
    const what = /device: (.*), \[/.exec(message)![1]!;
    for (const [, name, value] of message.split(";")[1]!.matchAll(/--([a-z-]+) (\d+)/g)) {
      const mended = { ...given, [name!]: value! }, still = complaint(mended, SMALL) ?? "";
      assert(!still.includes(what), `${message} -- but ${still}`);
      const more = { ...given, [name!]: String(Number(value) + 1) };
      // The rows that a batch of sentences has are known at most.
      const isExact = !["batch-size", "bptt"].includes(name!);
      assert(!isExact || complaint(more, SMALL) !== undefined, `${message} -- but so does more`);
      cures++;
    }
  }));
  assert(cures > 50, `${cures} cures`);
});

const MODEL = boundsOf(LLVMPIPE, 300_000);
const SENTENCES = { steps: 35, rows: 11, share: 0.55 };

Deno.test("checks name the option, the sizes and the largest value that fits", () => {
  const expect = (run: () => void, message: string) =>
    assertEquals(assertThrows(run, Failure).message, message);
  expect(
    () => checkModel(settingsOf({ emsize: "1000", nhid: "3000" }), MODEL),
    "Cannot use --nhid 3000 with --emsize 1000 on this device: a layer's weights, [12000, 3000], are " +
      "36,000,000 numbers, and it takes 33,554,432 at most; --nhid 2896 would fit",
  );
  checkModel(settingsOf({ emsize: "1000" }), MODEL); // tables of words may be of any size
  expect(
    () => checkTraining(settingsOf({ nhid: "60000" }), MODEL, SENTENCES),
    "Cannot use --batch-size 20 with --bptt 35 and --nhid 60000 on this device: the gates of a batch, " +
      "[385, 240000], are 92,400,000 numbers, and it takes 33,554,432 at most; --batch-size 6, " +
      "--bptt 6 or --nhid 21788 would fit",
  );
  const batches = [{ steps: 64, batchSize: 64 }, { steps: 10, batchSize: 3 }];
  const sampled = { kind: { sampled: 1_000_000 }, batches, saved: true } as const;
  expect(
    () => checkEvaluation(settingsOf({}), MODEL, sampled),
    "Cannot use --evaluation sampled:1000000 on this device: the scores of the noise, " +
      "[4096, 1000000], are 4,096,000,000 numbers, and it takes 33,554,432 at most; " +
      "--evaluation sampled:8192 would fit",
  );
  expect(
    () => checkEvaluation(settingsOf({ nhid: "8000" }), MODEL, { ...sampled, kind: "full" }),
    "Cannot use this model on this device: the gates of a batch, [4096, 32000], are 131,072,000 " +
      "numbers, and it takes 33,554,432 at most; take one with more memory",
  );
});

Deno.test("checkTraining() finds batches of more words than an audit can take", () => {
  const batch = { steps: 5, rows: 60_000, share: 1 }, sizes = { "emsize": "8", "nhid": "8" };
  const given = { ...sizes, "nce": true, "noise-ratio": "5", "batch-size": "60000", "bptt": "5" };
  checkTraining(settingsOf(given), MODEL, batch);
  const settings = settingsOf({ ...given, audit: "9" });
  const error = assertThrows(() => checkTraining(settings, MODEL, batch), Failure);
  assertMatch(error.message, /the scores of a tile.*; --batch-size 52428 or --bptt 4 would fit$/);
});

Deno.test("checkEvaluation() finds a batch without noise for its only word", () => {
  const settings = settingsOf({ loss: "neg", noise: "batch" });
  const planned = { kind: "loss", saved: false, batches: [{ steps: 9, batchSize: 9 }] } as const;
  checkEvaluation(settings, MODEL, planned);
  const single = { ...planned, batches: [...planned.batches, { steps: 1, batchSize: 1 }] };
  assertThrows(() => checkEvaluation(settings, MODEL, single), Failure, "--noise batch");
});

Deno.test("checkTimestamps() wants a device that can time kernels", () => {
  checkTimestamps({ features: new Set(["timestamp-query"]) });
  assertThrows(() => checkTimestamps({ features: new Set([]) }), Failure, "--prof");
});

/** The parameters after some steps of training, with a dry run before them or without. */
async function trained(loss: string, isDry: boolean) {
  const audit = loss === "nce" ? { audit: "99" } : {};
  const settings = settingsOf({ loss, emsize: "12", nhid: "12", ...audit });
  const epochs = new Epochs(CORPUS.train, settings), batches = epochs.at(1);
  const parameters: Float32Array[] = [];
  let bytes = 0;
  await withGpu(async (gpu) => {
    using model = makeModel(gpu, settings, CORPUS.vocabulary);
    using trainer = new Trainer(gpu, model, settings);
    using losses = new Losses(gpu);
    if (isDry) await dryRun({ gpu, model, settings, corpus: CORPUS, epochs, ranks: new Ranks() });
    const counted = await model.criterion.takeHits();
    assertEquals(counted, { hits: 0, samples: 0 }, "samples of the dry run are counted");
    for (let i = 0; i < 3; i++) await trainer.step(batches.at(i), losses);
    ({ bytes } = gpu.memory);
    for (const [, parameter] of model.parameters()) {
      parameters.push(await gpu.readFloats(parameter));
    }
  });
  return { parameters, bytes };
}

Deno.test("dryRun() leaves memory, counts and training as they were, to the last bit", async () => {
  for (const loss of ["full", "nce", "neg"]) {
    assertEquals(await trained(loss, true), await trained(loss, false));
  }
});

Deno.test("dryRun() tells which options make a batch smaller when the device fails", () =>
  withGpu(async (gpu) => {
    const settings = settingsOf({ loss: "nce", emsize: "12", nhid: "12" });
    using model = makeModel(gpu, settings, CORPUS.vocabulary);
    const epochs = new Epochs(CORPUS.train, settings);
    const finish = gpu.finish.bind(gpu);
    gpu.finish = () =>
      Promise.reject(new DeviceError("GPU error at or before matmul: out of memory"));
    const error = await assertRejects(
      () => dryRun({ gpu, model, settings, corpus: CORPUS, epochs, ranks: new Ranks() }),
      Failure,
    );
    gpu.finish = finish;
    assertMatch(
      error.message,
      /^Cannot train on this device with batches of \d+ rows of \d+ words \(.*out of memory\); .*--batch-size/,
    );
  }));
