// Everything that a run prints, from its first line to its last, as a snapshot.

import { assertEquals, assertThrows } from "@std/assert";
import type { Bucket, SelfNormalization } from "../../../example/evaluation/card.ts";
import { formatPerplexity } from "../../../example/shared/format.ts";
import { run } from "../../../example/commands/run.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder } from "../../support/folder.ts";
import { assertPrinted } from "../../support/printed.ts";
import { events, lastLine, runTiny } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const ADAPTER = "adapter     {adapter}";
const DATA =
  "data        synthetic:words=2000,vocab=100: 2,008 / 207 / 201 words to train, validate and test on; vocabulary 103";
const TEST_DATA =
  "data        synthetic:words=2000,vocab=100: 201 words to test on; vocabulary 103";
/** Figures of a batch: its speed, and how much is left. */
const SPEED = "{rate} tokens/s | {duration} left";
const REPORT = [
  "words       ppl {7.40} on the 4 most frequent words, ppl {65.99} on the next 35 words, ppl {578.75} on the 63 rarest words",
  "normaliser  ln Z, which turns scores into probabilities, is {9.04} on average, standard deviation {0.00}, 98 % from {9.03} to {9.04}",
  "raw scores  without ln Z, ppl {26.76} shows as {25.80}; safe in score and rescore: --mode raw",
  "test        ppl {26.76}, best possible 8.56 (ratio {3.126}), 221 tokens",
];

Deno.test("run() prints the adapter, the text, the model, the training and the whole report", () =>
  inFolder(async () => {
    assertPrinted(await runTiny({ "train": true, "loss": "nce", "norm-term": "9" }), [
      ADAPTER,
      DATA,
      "model       LSTM 2 x 12, embedding 12, 5,227 parameters; loss nce, unigram noise, k = 10, norm term 9",
      "optimizer   sgd, lr 1, momentum 0.9, clip 0.25, weight decay 1e-5",
      `epoch 1/2 | batch 3/12 | loss {3.3629} | lr 1 | ${SPEED}, run {duration}`,
      `epoch 1/2 | batch 6/12 | loss {3.3617} | lr 1 | ${SPEED}, run {duration}`,
      `epoch 1/2 | batch 9/12 | loss {3.4131} | lr 1 | ${SPEED}, run {duration}`,
      `epoch 1/2 | batch 12/12 | loss {3.8080} | lr 1 | ${SPEED}, run {duration}`,
      "epoch 1/2: train loss {3.4822}, valid ppl {26.94}, {duration}, {rate} tokens/s, saved saved_model/model.safetensors",
      `epoch 2/2 | batch 3/12 | loss {3.5051} | lr 1 | ${SPEED}`,
      `epoch 2/2 | batch 6/12 | loss {3.4218} | lr 1 | ${SPEED}`,
      `epoch 2/2 | batch 9/12 | loss {3.4655} | lr 1 | ${SPEED}`,
      `epoch 2/2 | batch 12/12 | loss {3.4611} | lr 1 | ${SPEED}`,
      "epoch 2/2: train loss {3.4627}, valid ppl {30.94}, {duration}, {rate} tokens/s, lr now 0.5",
      "testing     saved_model/model.safetensors, the best, of epoch 1 (valid ppl {26.94})",
      ...REPORT,
    ]);
    const saved = [
      ADAPTER,
      TEST_DATA,
      "model       saved_model/model.safetensors: LSTM 2 x 12, embedding 12, 5,227 parameters; loss nce, unigram noise, k = 10, norm term 9",
    ];
    assertPrinted(await runTiny({}), [...saved, ...REPORT]);
    assertPrinted(await runTiny({ evaluation: "nce" }), [
      ...saved,
      "test        raw negative log probability {3.2503} a token, 221 tokens (not normalised: not a perplexity)",
    ]);
    assertPrinted(await runTiny({ evaluation: "sampled:20" }), [
      ...saved,
      "test        sampled:20 loss {3.1265} a token, 221 tokens (not normalised: not a perplexity)",
    ]);
  }));

Deno.test("run() records the figures that it prints", () =>
  inFolder(async () => {
    const lines = await runTiny({ "train": true, "loss": "full", "epochs": "1", "norm-term": "9" });
    const [start, ...others] = events("model");
    assertEquals([start!["event"], start!["vocabulary"], start!["seed"]], ["start", 103, 1111]);
    const { selfNormalization, frequency, ...rest } = others.at(-1)!;
    assertEquals(Object.keys(rest), ["event", "evaluation", "ppl", "tokens"]);
    const { event, evaluation, ppl, tokens } = rest;
    assertEquals({ event, evaluation, tokens }, { event: "test", evaluation: "full", tokens: 221 });
    const { mean, std, rawPpl, rawPplBest } = selfNormalization as SelfNormalization;
    const buckets = frequency as readonly Bucket[];
    const two = (figure: unknown) => formatPerplexity(Number(figure));
    assertEquals(buckets.map(({ name }) => name), ["head", "torso", "tail", "<unk>"]);
    const [head, torso, tail] = buckets.map((bucket) => two(bucket.ppl));
    assertPrinted(lines.slice(-4), [
      `words       ppl ${head} on the 4 most frequent words, ppl ${torso} on the next 35 words, ` +
      `ppl ${tail} on the 63 rarest words`,
      `normaliser  ln Z, which turns scores into probabilities, is ${two(mean)} on average, ` +
      `standard deviation ${two(std)}, 98 % from {9.06} to {9.07}`,
      `raw scores  without ln Z, ppl ${two(rawPplBest)} shows as ${
        two(rawPpl)
      }; safe in score and ` +
      "rescore: --mode raw-best (raw is not: the norm term is {0.064} off the mean of ln Z, over 0.05)",
      `test        ppl ${two(ppl)}, best possible 8.56 (ratio {2.904}), 221 tokens`,
    ]);
    assertPrinted([lastLine(await runTiny({ evaluation: "loss" }))], [
      `test        full loss {3.2181} a token, 221 tokens (ppl ${two(ppl)})`,
    ]);
  }));

Deno.test("run() prints a loss of a model that gives no probabilities, and a GRU's sizes", () =>
  inFolder(async () => {
    const given = { "train": true, "loss": "neg", "epochs": "1", "index-module": "gru" };
    assertPrinted(await runTiny(given), [
      ADAPTER,
      DATA,
      "model       GRU 12, embedding 12, 2,185 parameters; loss neg, unigram noise, k = 10, norm term auto",
      "optimizer   sgd, lr 1, momentum 0.9, clip 0.25, weight decay 1e-5",
      `epoch 1/1 | batch 3/12 | loss {6.5022} | lr 1 | ${SPEED}`,
      `epoch 1/1 | batch 6/12 | loss {4.0843} | lr 1 | ${SPEED}`,
      `epoch 1/1 | batch 9/12 | loss {4.5200} | lr 1 | ${SPEED}`,
      `epoch 1/1 | batch 12/12 | loss {3.9459} | lr 1 | ${SPEED}`,
      "epoch 1/1: train loss {4.7636}, valid loss {3.8662}, {duration}, {rate} tokens/s, saved saved_model/model.safetensors",
      "testing     saved_model/model.safetensors, the best, of epoch 1 (valid loss {3.8662})",
      "test        neg loss {3.8661} a token, 221 tokens (not normalised: not a perplexity)",
    ]);
  }));

const TEXT: Given = {
  "data": ".",
  "emsize": "8",
  "nhid": "8",
  "nlayers": "1",
  "dropout": "0",
  "epochs": "1",
  "loss": "sampled",
  "noise-ratio": "500",
  "norm-term": "9",
  "autotune": false,
};

Deno.test("run() prints what is odd of a text: marks, unknown words, too many samples", () =>
  inFolder(async () => {
    const io = captureIo();
    await run(parseSettings({ ...TEXT, train: true }), io);
    assertPrinted(io.outLines, [
      ADAPTER,
      "data        .: 480 / 4 / 6 words to train, validate and test on; vocabulary 7",
      "note        train.txt: 60 lines carry <s> or </s> at their ends; they are taken as the marks of the sentence",
      "unknown     valid 25 % (1 of 4 words), test 33 % (2 of 6 words)",
      "model       LSTM 1 x 8, embedding 8, 767 parameters; loss sampled, unigram noise, k = 500, norm term 9",
      "optimizer   sgd, lr 1, momentum 0.9, clip 0.25, weight decay 1e-5",
      `epoch 1/1 | batch 6/6 | loss {6.2171} | lr 1 | ${SPEED}`,
      "epoch 1/1: train loss {6.2123}, valid ppl {13.18} ({4.93} without unknown words), {duration}, {rate} tokens/s, saved saved_model/model.safetensors",
      "testing     saved_model/model.safetensors, the best, of epoch 1 (valid ppl {4.93} without unknown words)",
      "words       ppl {5.07} on the 3 most frequent words, ppl {4.67} on the next 2 words, ppl {667.94} on unknown words",
      "normaliser  ln Z, which turns scores into probabilities, is {9.05} on average, standard deviation {0.00}, 98 % from {9.04} to {9.05}",
      "raw scores  without ln Z, ppl {16.83} shows as {16.02}; safe in score and rescore: --mode exact (raw and raw-best are not: the perplexity is over the number of words)",
      "test        ppl {16.83}, {4.93} without the 2 unknown words, 8 tokens",
    ]);
    const warnings = io.errLines.filter((line) => !/software|OpenGL/.test(line)); // of the adapter
    assertEquals(warnings, [
      "warning: --noise-ratio 500 is over the 7 words; --loss full costs less",
      "warning: valid or test has unknown words but training has none: the model cannot learn how likely <unk> is; use --min-freq 2 or a smaller --vocab, so that training contains <unk>",
    ]);
  }, {
    "train.txt": "<s> a b c d </s>\nb c d a\n".repeat(60),
    "valid.txt": "a b z d\n",
    "test.txt": "a b c y\nd z\n",
  }));

Deno.test("assertPrinted() lets a number be only a little off, and text not at all", () => {
  const snapshot = ["a {12.34} b ({rate})", "{1,234} {duration}"];
  const throws = (...lines: string[]) => assertThrows(() => assertPrinted(lines, snapshot));
  assertPrinted(["a 12.36 b (1,000)", "1,236 1m02s"], snapshot);
  throws("a 12.38 b (1,000)", "1,236 1m02s");
  throws("a 12.3 b (1,000)", "1,236 1m02s");
  throws("a 12.34 c (1,000)", "1,236 1m02s");
  throws("a 12.34 b (0)", "1,236 1m02s");
  throws("a NaN b (1,000)", "1,236 1m02s");
  throws("a 12.34 b (1,000)", "1,240 1m02s");
  throws("a 12.34 b (1,000)", "1,234 soon");
  throws("a 12.34 b (1,000)");
  throws("a 12.34 b (1,000)", "1,234 1s", "more");
});
