// Continuations against the exact probabilities of a small model, for both networks.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { BOS, UNK, Vocabulary } from "../../../example/data/vocab.ts";
import { type Continuation, continuations } from "../../../example/generation/continuations.ts";
import type { WordModel } from "../../../example/model/model.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import type { Gpu } from "../../../mod.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";
import { chiSquareProbability } from "../../reference/chi_square.ts";
import { values } from "../../reference/data.ts";

const V = 40;
const VOCABULARY = Vocabulary.from(
  ["<unk>", "<s>", "</s>", ...Array.from({ length: V - 3 }, (_, i) => `w${i}`)],
  Array.from({ length: V }, (_, i) => 1 + Math.floor(300 / (i + 1))),
);
const KINDS: Readonly<Record<string, Given>> = {
  LSTM: { emsize: "6", nhid: "8", nlayers: "2" },
  GRU: { "index-module": "gru", emsize: "6", nhid: "8" },
};
const PLAIN: Continuation = { temperature: 1, topK: null, topP: null, seed: 3, unk: false };
const PROMPT = [BOS, 7, UNK, 12];

/** A model whose weights are large, so that words depend on what came before. */
function make(gpu: Gpu, given: Given): WordModel {
  const model = makeModel(gpu, parseSettings({ train: true, ...given }), VOCABULARY);
  for (const [i, [, parameter]] of model.parameters().entries()) {
    gpu.write(parameter, values(parameter.size, i + 1, 1));
  }
  return model;
}

/** The exact probabilities of what follows some ids, read at once. */
async function probabilities(
  gpu: Gpu,
  model: WordModel,
  ids: readonly number[],
): Promise<Float64Array> {
  using step = gpu.step();
  const { context } = model.context(step, step.upload(Uint32Array.from(ids), [ids.length, 1]));
  using scores = model.criterion.scoreAllClasses!(step, context).scores(0, V);
  const last = Float64Array.from((await gpu.readFloats(scores)).slice(-V));
  const weights = last.map((s) => Math.exp(s - Math.max(...last))),
    total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
}

/** The first `length` words of texts. */
async function words(
  gpu: Gpu,
  model: WordModel,
  length: number,
  texts: { first: number; count: number },
  settings: Partial<Continuation> = {},
  prompt = PROMPT,
): Promise<number[][]> {
  const found: number[][] = Array.from({ length: texts.count }, () => []);
  for await (const ids of continuations(gpu, model, prompt, texts, { ...PLAIN, ...settings })) {
    ids.forEach((id, n) => found[n]!.push(id));
    if (found[0]!.length === length) break;
  }
  return found;
}

/** The weights of probabilities as settings change them: which words count, and the temperature. */
function chosen(p: Float64Array, { topK, topP, temperature, unk }: Continuation): Float64Array {
  const known = p.map((x, id) => id === UNK && !unk ? 0 : x),
    all = known.reduce((a, b) => a + b, 0);
  const order = [...known.keys()].filter((id) => known[id]! > 0).sort((a, b) =>
    known[b]! - known[a]!
  );
  const kept = new Set<number>();
  let sum = 0;
  for (const id of order.slice(0, topK ?? V)) {
    if (topP !== null && kept.size > 0 && sum >= topP) break;
    kept.add(id);
    sum += known[id]! / all;
  }
  const weights = known.map((x, id) => kept.has(id) ? x ** (1 / temperature) : 0);
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
}

const CHOICES: readonly Partial<Continuation>[] = [
  {},
  { unk: true },
  { temperature: 0.5 },
  { temperature: 2, unk: true },
  { topK: 5 },
  { topK: 1000, temperature: 1.5 },
  { topP: 0.6 },
  { topP: 0.9, unk: true, temperature: 0.7 },
  { topP: 0.8, topK: 3 },
];

/** One each of words drawn from all, and picked from the best by either measure. */
const WAYS = [CHOICES[0]!, CHOICES[4]!, CHOICES[7]!];

/** Draws words after the prompt with these settings, and compares how often each comes. */
async function checkDraws(gpu: Gpu, given: Given, choices: typeof CHOICES): Promise<void> {
  using model = make(gpu, given);
  const p = await probabilities(gpu, model, PROMPT), count = 2500;
  assert(p[UNK]! > 0.005 && Math.max(...p) < 0.9, "the test can tell");
  for (const choice of choices) {
    const settings = { ...PLAIN, ...choice }, expected = chosen(p, settings);
    const counts = new Uint32Array(V);
    for (const [id] of await words(gpu, model, 1, { first: 0, count }, settings)) counts[id!]!++;
    const text = JSON.stringify(choice);
    assert(
      counts.every((n, id) => n === 0 || expected[id]! > 0),
      `${text}: a word that cannot be`,
    );
    assert(chiSquareProbability(counts, expected) > 1e-3, text);
  }
}

for (const [kind, given] of Object.entries(KINDS)) {
  Deno.test(`words after a prompt come as often as the ${kind} gives them probability`, async () => {
    await withGpu((gpu) => checkDraws(gpu, given, CHOICES));
    await withGpu((gpu) => checkDraws(gpu, given, WAYS), { family: "hardware" });
  });

  Deno.test(`a second word depends on the first as in the ${kind} when it reads both at once`, () =>
    withGpu(async (gpu) => {
      using model = make(gpu, given);
      const pairs = await words(gpu, model, 2, { first: 0, count: 6000 }, { topK: 3 });
      const firsts = [...new Set(pairs.map(([id]) => id!))];
      assertEquals(firsts.length, 3);
      for (const first of firsts) {
        const p = await probabilities(gpu, model, [...PROMPT, first]), counts = new Uint32Array(V);
        for (const [a, b] of pairs) if (a === first) counts[b!]!++;
        const expected = chosen(p, { ...PLAIN, topK: 3 });
        assert(chiSquareProbability(counts, expected) > 1e-3, `after ${first}`);
      }
    }));

  Deno.test(`at temperature 0 the ${kind} goes on with the most probable word`, () =>
    withGpu(async (gpu) => {
      using model = make(gpu, given);
      const [found] = await words(gpu, model, 5, { first: 0, count: 1 }, { temperature: 0 });
      const ids = [...PROMPT];
      for (const id of found!) {
        const p = await probabilities(gpu, model, ids);
        p[UNK] = 0;
        assertEquals(id, p.indexOf(Math.max(...p)));
        ids.push(id);
      }
    }));
}

Deno.test("a text depends on the seed and on its number, not on the texts beside it", () =>
  withBothFamilies(async (gpu) => {
    using model = make(gpu, KINDS["LSTM"]!);
    for (const choice of [{}, { topK: 10 }, { topP: 0.9 }]) {
      const all = await words(gpu, model, 6, { first: 0, count: 7 }, choice);
      assertEquals(await words(gpu, model, 6, { first: 0, count: 7 }, choice), all);
      assertEquals(await words(gpu, model, 6, { first: 4, count: 2 }, choice), all.slice(4, 6));
      assertNotEquals(
        await words(gpu, model, 6, { first: 0, count: 7 }, { ...choice, seed: 4 }),
        all,
      );
      assertEquals(new Set(all.map(String)).size, 7, "texts differ");
    }
  }));

Deno.test("the same seed gives the same texts with both families of kernels", async () => {
  const found: number[][][] = [];
  await withBothFamilies(async (gpu) => {
    using model = make(gpu, KINDS["LSTM"]!);
    found.push(await words(gpu, model, 8, { first: 0, count: 20 }));
    found.push(await words(gpu, model, 8, { first: 0, count: 20 }, { topP: 0.9 }));
  });
  assertEquals(found.slice(0, 2), found.slice(2));
});

Deno.test("where <unk> is the most probable, --top-k 1 and a small --top-p choose the best known word", () =>
  withGpu(async (gpu) => {
    using model = make(gpu, KINDS["LSTM"]!);
    const bias = model.parameters().find(([, { size }]) => size === V)![1];
    const numbers = await gpu.readFloats(bias);
    numbers[UNK] = 50;
    gpu.write(bias, numbers);
    const p = await probabilities(gpu, model, PROMPT), texts = { first: 0, count: 1 };
    assertEquals(p.indexOf(Math.max(...p)), UNK);
    p[UNK] = 0;
    const best = p.indexOf(Math.max(...p));
    assertEquals(await words(gpu, model, 1, texts, { topK: 1 }), [[best]]);
    assertEquals(await words(gpu, model, 1, texts, { topP: 0.01 }), [[best]]);
  }));
