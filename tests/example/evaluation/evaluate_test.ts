// Scores of a text: in whole, in pieces with the state carried, and what is made of them.

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { evaluationBatches } from "../../../example/data/batches.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { evaluate, evaluateLoss } from "../../../example/evaluation/evaluate.ts";
import { Metrics } from "../../../example/storage/metrics.ts";
import type { WordModel } from "../../../example/model/model.ts";
import { Bar } from "../../../example/shared/progress.ts";
import { summarize } from "../../../example/training/summary.ts";
import { SentencesBuilder } from "../../../example/data/sentences.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Stopped } from "../../../example/shared/stop.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { WordCounts } from "../../../example/data/word_counts.ts";
import type { Gpu } from "../../../mod.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu, withNewGpu } from "../../support/gpu.ts";

const WORDS = 20;
const VOCABULARY = Vocabulary.from(
  ["<unk>", "<s>", "</s>", ...Array.from({ length: WORDS }, (_, i) => `w${i}`)],
  Array.from({ length: WORDS + 3 }, (_, i) => 30 - i),
);

/** Sentences of these lengths, whose words are anything. */
function textOf(...lengths: number[]) {
  const builder = new SentencesBuilder();
  for (const length of lengths) {
    builder.add(Array.from({ length }, (_, i) => 3 + (i * i + length) % WORDS));
  }
  return builder.build();
}

function tinyModel(gpu: Gpu, indexModule: string): WordModel {
  const sizes = { "emsize": "8", "nhid": "12", "nlayers": "1", "nce": true } as const;
  return makeModel(gpu, parseSettings({ ...sizes, "index-module": indexModule }), VOCABULARY);
}

Deno.test("evaluate() finds the same whatever pieces a long sentence is cut into", () =>
  withGpu(async (gpu) => {
    const text = textOf(3, 50, 0, 7, 16, 17);
    for (const indexModule of ["linear", "gru"]) {
      using model = tinyModel(gpu, indexModule);
      const whole = await evaluate(gpu, model, evaluationBatches(text));
      const loss = await evaluateLoss(gpu, model, evaluationBatches(text));
      assertEquals([whole.tokens, loss.tokens], [text.tokens, text.tokens]);
      for (const tokenBudget of [1, 7, 16, 50, 51]) {
        const batches = evaluationBatches(text, { tokenBudget, batchSize: 4 });
        const pieces = await evaluate(gpu, model, batches);
        assertEquals(pieces.tokens, text.tokens);
        assertAlmostEquals(pieces.ppl / whole.ppl, 1, 1e-5);
        const again = await evaluateLoss(gpu, model, batches);
        assertAlmostEquals(again.loss / loss.loss, 1, 1e-5);
      }
    }
  }));

Deno.test("evaluate() does not carry the state from one sentence to another", () =>
  withGpu(async (gpu) => {
    using model = tinyModel(gpu, "linear");
    const alone = await evaluate(gpu, model, evaluationBatches(textOf(9), { tokenBudget: 4 }));
    const after = await evaluate(gpu, model, evaluationBatches(textOf(9, 9), { tokenBudget: 4 }));
    assertEquals(after.tokens, 2 * alone.tokens);
    assertAlmostEquals(after.ppl / alone.ppl, 1, 1e-6);
  }));

Deno.test("the test leaves the criterion as it was, also when it fails", () =>
  inFolder(() =>
    withGpu(async (gpu) => {
      using model = tinyModel(gpu, "linear");
      const { criterion } = model, io = captureIo();
      const empty = new SentencesBuilder().build(), text = textOf(3, 5);
      const corpus = {
        ...{ vocabulary: VOCABULARY, occurrences: new WordCounts(), notes: [] },
        ...{ train: empty, valid: empty, test: text, bestTestPerplexity: 2 },
      };
      const metrics = new Metrics("model", io);
      criterion.noiseRatio = 7;
      for (const lossType of ["nce", "full"] as const) {
        criterion.lossType = lossType;
        for (const evaluation of ["full", "nce", "loss", { sampled: 3 }] as const) {
          const settings = { ...parseSettings({}), evaluation, loss: lossType };
          await summarize(gpu, { model, corpus, settings, metrics, io });
          assertEquals([criterion.lossType, criterion.noiseRatio], [lossType, 7]);
        }
      }
      const measures = io.outLines.flatMap((line) => /^test +(.+?) \d/.exec(line)?.[1] ?? []);
      const raw = "raw negative log probability";
      const wanted = (loss: string) => ["ppl", raw, `${loss} loss`, "sampled:3 loss"];
      assertEquals(measures, [...wanted("nce"), ...wanted("full")]);
      const exact = io.outLines.find((line) => line.startsWith("test "))!;
      const [, ppl, ratio] = /ppl ([\d.]+), best possible 2\.00 \(ratio ([\d.]+)\)/.exec(exact)!;
      assertAlmostEquals(Number(ratio), Number(ppl) / 2, 0.005);
      criterion.forward = () => {
        throw new Error("no");
      };
      const settings = parseSettings({ "evaluation": "sampled:3" });
      await assertRejects(
        () => summarize(gpu, { model, corpus, settings, metrics, io }),
        Error,
        "no",
      );
      assertEquals([criterion.lossType, criterion.noiseRatio], ["full", 7]);
    })
  ));

Deno.test("evaluate() needs no more memory for a longer text of equal batches", () =>
  withNewGpu(async (gpu) => {
    using model = tinyModel(gpu, "linear");
    const peak = async (length: number) => {
      await evaluate(gpu, model, evaluationBatches(textOf(length), { tokenBudget: 64 }));
      await gpu.finish();
      return gpu.memory.peakBytes;
    };
    await peak(640);
    const before = gpu.memory.peakBytes;
    const tokens = 8000;
    // What grows is what waits to be read: two floats a token, up to 2^18 tokens.
    assert(await peak(tokens) - before <= 2 * 4 * tokens);
  }));

Deno.test("evaluate() stops when asked to, and moves its bar", () =>
  withGpu(async (gpu) => {
    using model = tinyModel(gpu, "linear");
    const batches = evaluationBatches(textOf(100, 100), { tokenBudget: 10 });
    const io = captureIo(80), stop = { requested: false };
    let now = 0;
    const clock = () => {
      if ((now += 1000) > 5000) stop.requested = true;
      return now;
    };
    const bar = new Bar(io, "testing", batches.length, clock);
    await assertRejects(() => evaluate(gpu, model, batches, { stop, bar }), Stopped);
    await assertRejects(() => evaluateLoss(gpu, model, batches, { stop }), Stopped);
    assertEquals(io.liveLines.length, 5);
    assert(io.liveLines[0]!.startsWith("testing  "), io.liveLines[0]);
  }));
