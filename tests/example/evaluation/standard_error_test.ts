// A random part of a text: whole sentences, the same each time, and an error that is as large as it says.

import { assert, assertEquals } from "@std/assert";
import { evaluationBatches } from "../../../example/data/batches.ts";
import { sampleSentences } from "../../../example/data/part.ts";
import { type Sentences, SentencesBuilder } from "../../../example/data/sentences.ts";
import { standardError } from "../../../example/evaluation/standard_error.ts";
import { tokensOf } from "../../../example/evaluation/collected.ts";
import { Philox } from "../../../kernels/random/philox.ts";

/** Sentences of up to 20 words with different ids. */
function textOf(sentences: number, seed: number): Sentences {
  const builder = new SentencesBuilder(), random = new Philox(seed, 1);
  let word = 3;
  for (let i = 0; i < sentences; i++) {
    builder.add(Array.from({ length: random.below(20) }, () => word++));
  }
  return builder.build();
}

Deno.test("sampleSentences() takes whole sentences in their order, no more than are needed, and the same again", () => {
  const text = textOf(500, 1), all = Array.from({ length: 500 }, (_, i) => text.at(i).join());
  for (const tokens of [1, 30, 1000, text.tokens - 1]) {
    const part = sampleSentences(text, tokens);
    const found = Array.from({ length: part.length }, (_, i) => part.at(i).join());
    assert(part.tokens >= tokens && part.tokens < tokens + 21);
    assertEquals(sampleSentences(text, tokens), part);
    let at = -1;
    for (const sentence of found) {
      at = all.indexOf(sentence, at + 1);
      assert(at >= 0, `${sentence} is not in order`);
    }
  }
  assertEquals(sampleSentences(text, text.tokens), text);
  assert(sampleSentences(text, 1000).at(0).join() !== all[0], "the first sentences were taken");
});

Deno.test("standardError() is the deviation of the mean over random parts", () => {
  const values = new Map<number, number>(), random = new Philox(3, 1);
  const text = textOf(400, 2), valueOf = (id: number) => values.get(id)!;
  // Tokens of a sentence are alike, as those of a text are.
  for (let i = 0; i < text.length; i++) {
    const own = random.uniform() * 6;
    for (const id of text.at(i)) values.set(id, own + random.uniform());
  }
  const means: number[] = [], errors: number[] = [];
  for (let draw = 0; draw < 300; draw++) {
    const builder = new SentencesBuilder(), order = Array.from({ length: 400 }, (_, i) => i);
    for (let i = 0; i < 100; i++) {
      const j = i + random.below(400 - i);
      [order[i], order[j]] = [order[j]!, order[i]!];
      builder.add(text.at(order[i]!).subarray(1, -1));
    }
    const part = builder.build(),
      batches = evaluationBatches(part, { tokenBudget: 50, batchSize: 4 });
    const found = Float64Array.from(tokensOf(batches, ({ input }) => input), valueOf);
    means.push(found.reduce((a, b) => a + b) / found.length);
    const value = (i: number) => found[i]!;
    errors.push(standardError({ text: part, batches, value, wholeTokens: text.tokens })!);
  }
  const mean = (numbers: number[]) => numbers.reduce((a, b) => a + b) / numbers.length;
  const center = mean(means), deviation = Math.sqrt(mean(means.map((x) => (x - center) ** 2)));
  const ratio = mean(errors) / deviation;
  assert(ratio > 0.85 && ratio < 1.15, `${mean(errors)} against ${deviation}`);
});

Deno.test("standardError() is Cochran's, of sentences drawn without replacement", () => {
  const errorOf = (sentences: readonly (readonly number[])[], wholeTokens: number) => {
    const builder = new SentencesBuilder();
    for (const { length } of sentences) builder.add(new Uint32Array(length - 1).fill(3));
    const text = builder.build(),
      batches = evaluationBatches(text, { tokenBudget: 8, batchSize: 1 });
    const places = tokensOf(batches, (batch) => batch.places), values = sentences.flat();
    return standardError({ text, batches, value: (i) => values[places[i]!]!, wholeTokens });
  };
  // The sums of what is over the mean, 2, are -2 and 2 in two sentences, of half of the tokens.
  assertEquals(errorOf([[1, 1], [3, 3]], 8), Math.sqrt(0.5 * (4 + 4) * 2 / 1) / 4);
  assertEquals(errorOf([[1, 1], [3, 3]], 4), 0);
});

Deno.test("standardError() is told of parts of several sentences alone", () => {
  const text = textOf(2, 1), batches = evaluationBatches(text), value = (i: number) => i;
  assert(standardError({ text, batches, value, wholeTokens: 1000 })! > 0);
  assertEquals(standardError({ text, batches, value, wholeTokens: text.tokens }), 0);
  assertEquals(standardError({ text, batches, value, wholeTokens: undefined }), undefined);
  const one = sampleSentences(text, 1);
  assertEquals(one.length, 1);
  const alone = { text: one, batches: evaluationBatches(one) };
  assertEquals(standardError({ ...alone, value, wholeTokens: text.tokens }), undefined);
});
