// Texts in five scripts, whose tests have words that training lacks: perplexities with and without them.

import { assert, assertEquals } from "@std/assert";
import type { Given } from "../../../example/options/option.ts";
import { splitWords } from "../../../example/data/words.ts";
import { type GeneratedText, generateText, type Script, SCRIPTS } from "../../support/corpora.ts";
import { type TextRun, trainOn } from "../../support/text_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const SMALL: Given = {
  "emsize": "32",
  "nhid": "32",
  "nlayers": "1",
  "dropout": "0",
};

/** Perplexities of the test's known words: by the truth, and by how often words come in training. */
function boundsOf({ files, truth }: GeneratedText): { truth: number; unigram: number } {
  const counts = new Map([["", files["train.txt"]!.trimEnd().split("\n").length]]);
  for (const word of splitWords(files["train.txt"]!)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const known = truth.filter(([word]) => counts.has(word));
  const perplexity = (logProb: (word: string, truth: number) => number) =>
    Math.exp(-known.reduce((sum, [word, truth]) => sum + logProb(word, truth), 0) / known.length);
  return {
    truth: perplexity((_, truth) => truth),
    unigram: perplexity((word) => Math.log(counts.get(word)! / total)),
  };
}

function assertSensible(text: GeneratedText, { known, unknown, ppl }: TextRun, name: string): void {
  const words = new Set(splitWords(text.files["train.txt"]!));
  const unseen = text.truth.filter(([word]) => word !== "" && !words.has(word)).length;
  assertEquals([unknown.tokens, known.tokens], [unseen, text.truth.length - unseen], name);
  assert(unseen > 0.02 * text.truth.length, `${name}: ${unseen} unknown words are too few to tell`);
  // A model knows more than how often words come, and no more than the truth; but it need not share
  // its probabilities with words that it has never seen.
  const bounds = boundsOf(text), without = Math.exp(known.nll / known.tokens);
  assert(without < bounds.unigram, `${name}: ${without}, from counts ${bounds.unigram}`);
  assert(without > 0.9 * bounds.truth, `${name}: ${without}, by the truth ${bounds.truth}`);
  // An unknown word is as improbable as one that comes once in all the text.
  const cost = unknown.nll / unknown.tokens, once = Math.log(text.words);
  assert(
    Math.abs(cost - once) < 2,
    `${name}: an unknown word costs ${cost} nats, one of once ${once}`,
  );
  const both = (known.nll + unknown.nll) / (known.tokens + unknown.tokens);
  assert(Math.abs(Math.log(ppl) - both) < 1e-6, `${name}: ${ppl}`);
}

/** Each script with another way to train, and the epochs that this takes to learn more than counts. */
const WAYS: Record<Script, Given> = {
  latin: { loss: "full", epochs: "2" },
  cyrillic: { "loss": "nce", "noise-ratio": "20", "epochs": "4" },
  chinese: { "loss": "sampled", "noise-ratio": "20", "epochs": "2" },
  arabic: { "loss": "nce", "noise-ratio": "20", "index-module": "gru", "epochs": "4" },
  code: { loss: "nce", noise: "batch", epochs: "2" },
};

for (const script of SCRIPTS) {
  Deno.test(`run() gives sensible perplexities with and without unknown words: ${script}`, async () => {
    const text = generateText(script),
      found = await trainOn(text.files, { ...SMALL, ...WAYS[script] });
    assertSensible(text, found, script);
    assert(found.io.errLines.some((line) => line.includes("training has none")));
  });
}

Deno.test("run() learns how probable unknown words are if training has some", async () => {
  const text = generateText("cyrillic");
  const { io, unknown } = await trainOn(text.files, {
    ...SMALL,
    ...WAYS.cyrillic,
    "min-freq": "2",
  });
  assertEquals(io.errLines, []);
  const part = unknown.tokens / text.truth.length, cost = unknown.nll / unknown.tokens;
  // Knowing just their part of the text a word costs -ln of that.
  assert(cost < 1 - Math.log(part), `${cost} nats for ${part} of the text`);
});

Deno.test("run() learns the text though most words of a vocabulary file never come in it", async () => {
  const text = generateText("cyrillic"), words = new Set(splitWords(text.files["train.txt"]!));
  const lacking = Array.from({ length: 10_000 }, (_, i) => `lacking${i}`);
  const files = { ...text.files, "words.txt": [...words, ...lacking].join("\n") };
  const { known } = await trainOn(files, { ...SMALL, ...WAYS.cyrillic, vocab: "words.txt" });
  const ppl = Math.exp(known.nll / known.tokens), { unigram } = boundsOf(text);
  assert(ppl < unigram, `${ppl}, from counts ${unigram}`);
});
