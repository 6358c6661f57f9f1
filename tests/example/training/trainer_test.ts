// Training steps: their rates, and what one batch hands to the next.

import { assertEquals } from "@std/assert";
import { trainingBatches } from "../../../example/data/batches.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { Losses } from "../../../example/evaluation/losses.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import type { MetricsEvent } from "../../../example/storage/metrics.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { Trainer } from "../../../example/training/trainer.ts";
import type { Gpu } from "../../../mod.ts";
import { captureIo } from "../../support/capture_io.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";

const CORPUS = await loadCorpus({ data: "synthetic:words=1100,vocab=100" });

/** The mean loss of an epoch, whose text is cut into rows, and these into batches of `bptt` words. */
async function lossOf(gpu: Gpu, bptt: string): Promise<number> {
  const settings = parseSettings({
    ...{ "train": true, "loss": "full", "emsize": "8", "nhid": "8", "dropout": "0" },
    ...{ "concat": true, "carry-state": true, "batch-size": "20", bptt, "log-interval": "3" },
    ...{ "lr": "1e-30", "weight-decay": "0" }, // nothing is learned
  });
  using model = makeModel(gpu, settings, CORPUS.vocabulary);
  for (const [, parameter] of model.parameters()) { // so large that a state matters
    gpu.write(parameter, (await gpu.readFloats(parameter)).map((x) => 10 * x));
  }
  using trainer = new Trainer(gpu, model, settings);
  const { loss } = await trainer.trainEpoch(trainingBatches(CORPUS.train, settings, 1), {
    validationMs: 0,
    io: captureIo(),
    metrics: { write: () => {} },
    beforeBatch: () => Promise.resolve(),
  });
  return loss;
}

Deno.test("each step is taken at its own rate", () =>
  withGpu(async (gpu) => {
    const settings = parseSettings({ train: true, emsize: "8", nhid: "8", lr: "2", warmup: "4" });
    using model = makeModel(gpu, settings, CORPUS.vocabulary);
    using trainer = new Trainer(gpu, model, settings), losses = new Losses(gpu);
    const batches = trainingBatches(CORPUS.train, settings, 1), rates: number[] = [];
    for (let i = 0; i < 5; i++) {
      rates.push(trainer.optimizer.lr);
      await trainer.step(batches.at(0), losses);
    }
    assertEquals(rates, [0.5, 1, 1.5, 2, 2]);
  }));

Deno.test("an epoch of short batches that carry states has the loss of one long batch", () =>
  withGpu(async (gpu) => {
    const [long, short] = [await lossOf(gpu, "1000"), await lossOf(gpu, "9")];
    assertClose([short], [long], { atol: 0, rtol: 1e-5 });
  }));

Deno.test("a report has the hit rate and the mean loss since the one before", () =>
  withGpu(async (gpu) => {
    const settings = parseSettings({
      ...{ "train": true, "nce": true, "noise-ratio": "9", "emsize": "8", "nhid": "8" },
      ...{ "batch-size": "4", "log-interval": "3" },
    });
    using model = makeModel(gpu, settings, CORPUS.vocabulary);
    using trainer = new Trainer(gpu, model, settings);
    const { criterion } = model, takeHits = criterion.takeHits.bind(criterion);
    let found = { hits: 0, samples: 0 }, batches = 0, sum = 0, tokens = 0, reports = 0;
    criterion.takeHits = async () => {
      const more = await takeHits();
      found = { hits: found.hits + more.hits, samples: found.samples + more.samples };
      return more;
    };
    const write = (event: MetricsEvent) => {
      if (event.event !== "train") return;
      assertEquals(event.hitRate, found.hits / found.samples);
      sum += event.loss * (event.tokens - tokens);
      found = { hits: 0, samples: 0 };
      ({ tokens } = event);
      reports++;
    };
    // A checkpoint between two reports counts, too.
    const beforeBatch = async () => void (batches++ % 4 === 1 && await trainer.position());
    const watch = { validationMs: 0, io: captureIo(), metrics: { write }, beforeBatch };
    const { loss } = await trainer.trainEpoch(trainingBatches(CORPUS.train, settings, 1), watch);
    assertEquals(reports, Math.ceil(batches / 3));
    assertClose([loss], [sum / tokens], { atol: 0, rtol: 1e-12 });
  }));
