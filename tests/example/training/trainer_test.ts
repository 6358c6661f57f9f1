// Training steps: their rates, and what one batch hands to the next.

import { assertEquals } from "@std/assert";
import { trainingBatches } from "../../../example/data/batches.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { Losses } from "../../../example/evaluation/losses.ts";
import { parseSettings } from "../../../example/options/settings.ts";
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
