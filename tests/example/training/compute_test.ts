// Training steps whose products read weights in 16 bits: the same as those in 32 of weights that are rounded so.

import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { run } from "../../../example/commands/run.ts";
import { trainingBatches } from "../../../example/data/batches.ts";
import { type Corpus, loadCorpus } from "../../../example/data/corpus.ts";
import { Losses } from "../../../example/evaluation/losses.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { UsageError } from "../../../example/shared/errors.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { Trainer } from "../../../example/training/trainer.ts";
import type { Gpu } from "../../../mod.ts";
import { inHalf } from "../../reference/half.ts";
import { captureIo } from "../../support/capture_io.ts";
import { assertClose } from "../../support/close.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { withGpu, withoutFeature } from "../../support/gpu.ts";
import { numbersOf } from "../../support/numbers.ts";
import { TINY } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const CASES: readonly Given[] = [
  { "loss": "nce" },
  { "loss": "full" },
  { "loss": "full", "index-module": "gru" },
];
/** The weights that products read in 16 bits; tables and biases are not among them. */
const HALF = /^(rnn\.weight_|proj\.weight$)/;

/** The loss of a step, and what it adds to each parameter. */
async function firstStep(
  gpu: Gpu,
  corpus: Corpus,
  given: Given,
  isRounded: boolean,
): Promise<Map<string, Float32Array>> {
  const small = { "emsize": "20", "nhid": "20", "weight-decay": "0", "lr": "1" };
  const settings = parseSettings({ ...small, ...given, train: true });
  using model = makeModel(gpu, settings, corpus.vocabulary);
  using trainer = new Trainer(gpu, model, settings);
  using losses = new Losses(gpu);
  const before = new Map<string, Float32Array>();
  const first = await numbersOf(gpu, model.parameters());
  for (const [name, parameter] of model.parameters()) {
    const numbers = first.get(name)!;
    before.set(name, isRounded && HALF.test(name) ? inHalf(numbers) : numbers);
    gpu.write(parameter, before.get(name)!);
  }
  await trainer.step(trainingBatches(corpus.train, settings, 1).at(0), losses, false);
  const { sum, tokens } = await losses.take();
  const changes = new Map([["the loss", Float32Array.of(sum / tokens)]]);
  for (const [name, now] of await numbersOf(gpu, model.parameters())) {
    changes.set(name, now.map((x, i) => x - before.get(name)![i]!));
  }
  return changes;
}

Deno.test("a step that reads weights in 16 bits is the step of rounded weights, for both families", async () => {
  const corpus = await loadCorpus({ data: "synthetic:words=1100,vocab=100" });
  const close = { atol: 1e-6, rtol: 2e-5 };
  for (const family of ["software", "hardware"] as const) {
    await withGpu((full) =>
      withGpu(async (half) => {
        for (const given of CASES) {
          const expected = await firstStep(full, corpus, given, true);
          const found = await firstStep(half, corpus, given, false);
          for (const [name, values] of found) {
            assertClose(values, expected.get(name)!, close, `${JSON.stringify(given)}: ${name}`);
          }
          const other = await firstStep(full, corpus, given, false);
          assertNotEquals(found, other, "weights are read in 32 bits");
          assertEquals(await firstStep(half, corpus, given, false), found, "other bits");
        }
      }, { family, compute: "f16" }), { family });
  }
});

Deno.test("run() refuses --compute f16 with one line where the adapter lacks shader-f16, and writes nothing", () =>
  inFolder((folder) =>
    withoutFeature("shader-f16", async () => {
      const settings = parseSettings({ ...TINY, "train": true, "nce": true, "compute": "f16" });
      const error = await assertRejects(() => run(settings, captureIo()), UsageError);
      assertMatch(error.message, /lacks shader-f16; leave out --compute f16$/);
      assertEquals(namesIn(folder), []);
    })
  ));
