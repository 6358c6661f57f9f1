// Training that is watched: where it is measured, when it ends, how a learning rate is found.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { climb, learn } from "../../bench/learning.ts";
import { evaluationBatches, trainingBatches } from "../../example/data/batches.ts";
import { synthesize } from "../../example/data/synthetic.ts";
import { evaluate } from "../../example/evaluation/evaluate.ts";
import { Losses } from "../../example/evaluation/losses.ts";
import type { Given } from "../../example/options/option.ts";
import { parseSettings } from "../../example/options/settings.ts";
import { makeModel } from "../../example/model/make_model.ts";
import { Trainer } from "../../example/training/trainer.ts";
import { withGpu } from "../support/gpu.ts";

const TEXT = synthesize({ words: 3000, vocab: 100, seed: 1, testWords: 300 });
const LONG = 1e6;

function settings(given: Given = {}) {
  const small = { "emsize": "16", "nhid": "16", "nlayers": "1", "dropout": "0", "batch-size": "5" };
  return parseSettings({ ...small, loss: "full", lr: "4", ...given, train: true });
}

Deno.test("learn() measures ten times, learns, and ends with its tokens", () =>
  withGpu(async (gpu) => {
    const { tokens } = TEXT.train, budget = { tokens: 2 * tokens, seconds: LONG };
    const points = await learn(gpu, TEXT, settings(), { budget, watched: TEXT.test });
    assertEquals(points.length, 10);
    points.forEach((point, i) => {
      const due = (i + 1) / 10 * budget.tokens;
      assert(point.tokens >= due && point.tokens < due + tokens / 10, `${i}: ${point.tokens}`);
      assert(i === 0 || point.seconds > points[i - 1]!.seconds);
    });
    assertEquals(points.at(-1)!.tokens, budget.tokens); // two whole passes
    const [first, last] = [points[0]!.ppl!, points.at(-1)!.ppl!];
    assert(last < 0.9 * first && last > TEXT.bestTestPerplexity, `${first}, then ${last}`);

    const end = await learn(gpu, TEXT, settings(), { budget, watched: TEXT.test, endOnly: true });
    assertEquals([end.length, end[0]!.tokens], [1, budget.tokens]);
    // An evaluation catches up with pending updates earlier: the same but for rounding.
    assertAlmostEquals(end[0]!.ppl!, last, 1e-4 * last);
  }));

Deno.test("learn() ends when its time is over, and when the perplexity is not finite", () =>
  withGpu(async (gpu) => {
    const budget = { tokens: LONG, seconds: 1e-9 }, watched = TEXT.test;
    const short = await learn(gpu, TEXT, settings(), { budget, watched });
    assertEquals(short.length, 1);
    assert(short[0]!.tokens < TEXT.train.tokens / 5, "one step");

    const wild = settings({ lr: "1e30", clip: "1e30", "weight-decay": "0" });
    const tokens = { tokens: TEXT.train.tokens, seconds: LONG };
    const diverged = await learn(gpu, TEXT, wild, { budget: tokens, watched });
    assertEquals(diverged.map(({ ppl, stdLogZ }) => [ppl, stdLogZ]), [[null, null]]);
  }));

Deno.test("learn() halves the learning rate every two of its ten stages", () =>
  withGpu(async (gpu) => {
    const { tokens } = TEXT.train, given = settings();
    const [end] = await learn(gpu, TEXT, given, {
      ...{ budget: { tokens, seconds: LONG }, watched: TEXT.test, endOnly: true },
    });
    using model = makeModel(gpu, given, TEXT.vocabulary);
    using trainer = new Trainer(gpu, model, given);
    using losses = new Losses(gpu);
    let done = 0;
    for (const batch of trainingBatches(TEXT.train, given, 1)) {
      trainer.optimizer.lr = 4 / 2 ** (Math.floor(10 * done / tokens) / 2);
      await trainer.step(batch, losses);
      done += batch.tokens;
    }
    const { ppl } = await evaluate(gpu, model, evaluationBatches(TEXT.test));
    assertAlmostEquals(end!.ppl!, ppl, 1e-5 * ppl);
  }));

Deno.test("climb() finds the learning rate of the least perplexity, and tries none twice", async () => {
  const find = async (least: number, start: number) => {
    const asked: number[] = [];
    const trials = await climb(start, (lr) => {
      asked.push(lr);
      return Promise.resolve(lr > 50 ? Infinity : 10 + Math.abs(Math.log2(lr / least)));
    });
    assertEquals(asked.toSorted(), trials.map(({ lr }) => lr).toSorted());
    assertEquals(new Set(asked).size, asked.length);
    return trials[0]!;
  };
  for (const least of [1 / 16, 1 / 2, 1, 2, 32]) {
    for (const start of [1 / 4, 1, 16]) {
      assertEquals(await find(least, start), { lr: least, ppl: 10 });
    }
  }
});
