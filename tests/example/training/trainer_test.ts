// An epoch: what one batch hands to the next, and its mean loss.

import { trainingBatches } from "../../../example/data/batches.ts";
import { type Corpus, loadCorpus } from "../../../example/data/corpus.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { makeModel } from "../../../example/storage/checkpoint.ts";
import { Trainer } from "../../../example/training/trainer.ts";
import type { Gpu } from "../../../mod.ts";
import { captureIo } from "../../support/capture_io.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";

/** The mean loss of an epoch, whose text is cut into rows, and these into batches of `bptt` words. */
async function lossOf(gpu: Gpu, { train, vocabulary }: Corpus, bptt: string): Promise<number> {
  const settings = parseSettings({
    ...{ "train": true, "loss": "full", "emsize": "8", "nhid": "8", "dropout": "0" },
    ...{ "concat": true, "carry-state": true, "batch-size": "20", bptt, "log-interval": "3" },
    ...{ "lr": "1e-30", "weight-decay": "0" }, // nothing is learned
  });
  using model = makeModel(gpu, settings, vocabulary);
  for (const [, parameter] of model.parameters()) { // so large that a state matters
    gpu.write(parameter, (await gpu.readFloats(parameter)).map((x) => 10 * x));
  }
  using trainer = new Trainer(gpu, model, settings);
  const { loss } = await trainer.trainEpoch(trainingBatches(train, settings, 1), {
    validationMs: 0,
    io: captureIo(),
    metrics: { write: () => {} },
    beforeBatch: () => Promise.resolve(),
  });
  return loss;
}

Deno.test("an epoch of short batches that carry states has the loss of one long batch", async () => {
  const corpus = await loadCorpus({ data: "synthetic:words=1100,vocab=100" });
  await withGpu(async (gpu) => {
    const [long, short] = [await lossOf(gpu, corpus, "1000"), await lossOf(gpu, corpus, "9")];
    assertClose([short], [long], { atol: 0, rtol: 1e-5 });
  });
});
