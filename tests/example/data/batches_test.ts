// Batches: nothing lost, nothing twice, little padding, a new order each epoch.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Epochs, evaluationBatches, scoredBatches } from "../../../example/data/batches.ts";
import type { Batch } from "../../../example/data/row_batch.ts";
import { type Sentences, SentencesBuilder } from "../../../example/data/sentences.ts";
import { Philox } from "../../../kernels/random/philox.ts";
import { pairsOf, predictions } from "../../support/predictions.ts";
import { BATCHES, batchesOf, differentWords } from "../../support/texts.ts";

/** Sentences of 0 to `longest - 1` words; every word is different, to be found again. */
function makeText(sentences: number, longest: number): Sentences {
  const random = new Philox(7, 0), builder = new SentencesBuilder();
  let word = 3;
  for (let i = 0; i < sentences; i++) {
    builder.add(Array.from({ length: random.below(longest) }, () => word++));
  }
  return builder.build();
}

/** The predictions of each piece of each row, as pairs of the id read and the id predicted. */
function piecesOf(batch: Batch): string[][][] {
  const { batchSize, steps, input, target, mask, resets, tokens } = batch;
  for (const array of [input, target, mask, resets]) assertEquals(array.length, steps * batchSize);
  assertEquals(mask.reduce((a, b) => a + b, 0), tokens);
  return Array.from({ length: batchSize }, (_, b) => {
    const pieces: string[][] = [[]];
    for (let t = 0; t < steps; t++) {
      const at = t * batchSize + b;
      if (resets[at] === 1) pieces.push([]);
      if (mask[at] === 1) pieces.at(-1)!.push(`${input[at]} ${target[at]}`);
      else if (pieces.at(-1)!.length > 0) {
        // Past the end: nothing more comes.
        assertEquals([input[at], target[at], resets[at]], [0, 0, 0]);
        assertEquals(mask[at + batchSize] ?? 0, 0);
      }
    }
    return pieces;
  });
}

/** The predictions of each row. */
function rowsOf(batch: Batch): string[][] {
  return piecesOf(batch).map((pieces) => pieces.flat());
}

/** The part of all places that is empty. */
function padding(batches: readonly Batch[]): number {
  const places = batches.reduce((sum, { steps, batchSize }) => sum + steps * batchSize, 0);
  return 1 - batches.reduce((sum, { tokens }) => sum + tokens, 0) / places;
}

function assertWhole(batches: readonly Batch[], text: Sentences): void {
  assertEquals(batches.flatMap((batch) => rowsOf(batch).flat()).sort(), pairsOf(text).sort());
}

Deno.test("trainingBatches() gives all batches but one the tokens of so many mean sentences", () => {
  const text = makeText(3000, 35);
  const batches = batchesOf(text, { ...BATCHES, bptt: 100 }, 1);
  const budget = 20 * text.tokens / 3000;
  const far = batches.filter(({ tokens }) => Math.abs(tokens - budget) > 0.1 * budget);
  assert(far.length <= 1, `${far.length} batches are far from ${budget} tokens`);
});

Deno.test("trainingBatches() mixes short and long sentences in a batch", () => {
  const batches = batchesOf(makeText(3000, 60), { ...BATCHES, bptt: 60 }, 1);
  const spread = batches.filter((batch) => {
    const lengths = piecesOf(batch).flat().map((piece) => piece.length);
    return Math.min(...lengths) <= 15 && Math.max(...lengths) >= 45;
  });
  assert(spread.length > 0.95 * batches.length, `${spread.length} of ${batches.length}`);
});

Deno.test("trainingBatches() forgets at the start of every sentence but the first of a row", () => {
  const text = makeText(200, 12);
  const sentences = new Set(
    Array.from({ length: 200 }, (_, i) => {
      const sentence = text.at(i);
      return Array.from(sentence.subarray(1), (id, j) => `${sentence[j]} ${id}`).join();
    }),
  );
  const batches = batchesOf(text, BATCHES, 1), evaluation = evaluationBatches(text);
  for (const all of [batches, evaluation]) {
    const found = all.flatMap((batch) => piecesOf(batch).flat().map((piece) => piece.join()));
    assertEquals(found.length, 200);
    assert(found.every((piece) => sentences.has(piece)));
  }
});

Deno.test("trainingBatches() goes on where a long sentence was cut", () => {
  const builder = new SentencesBuilder();
  builder.add([3, 4, 5, 6]);
  const batches = batchesOf(builder.build(), { ...BATCHES, batchSize: 1, bptt: 2 }, 1);
  const pieces = batches.flatMap((batch) => piecesOf(batch).flat().map((piece) => piece.join()));
  assertEquals(pieces.sort(), ["1 3,3 4", "4 5,5 6", "6 1"]);
});

Deno.test("trainingBatches() reads the words before a cut without predicting them again", () => {
  const builder = new SentencesBuilder();
  builder.add([3, 4, 5, 6, 7]);
  const [batch] = batchesOf(builder.build(), { ...BATCHES, batchSize: 9, bptt: 4 }, 1);
  const { batchSize, input, target, mask } = batch!;
  const column = (values: ArrayLike<number>, b: number) =>
    Array.from({ length: 4 }, (_, t) => values[t * batchSize + b]!);
  const rows = [0, 1].map((b) => [column(input, b), column(target, b), column(mask, b)]);
  assertEquals(rows.sort(([a], [b]) => a![0]! - b![0]!), [
    [[1, 3, 4, 5], [3, 4, 5, 6], [1, 1, 1, 1]],
    [[5, 6, 7, 0], [6, 7, 1, 0], [0, 1, 1, 0]],
  ]);
});

Deno.test("batches have next to no padding", () => {
  const text = makeText(5000, 50);
  assert(padding(batchesOf(text, { ...BATCHES, bptt: 50 }, 1)) < 0.01);
  assert(padding(evaluationBatches(text)) < 0.01);
});

Deno.test("trainingBatches() has a new order and new batches each epoch, the same each run", () => {
  const text = makeText(500, 30);
  for (const concat of [false, true]) {
    const epoch = (number: number, seed = 1) => {
      const batches = batchesOf(text, { ...BATCHES, concat, bptt: 10, seed }, number);
      return batches.map((batch) => rowsOf(batch).map(String));
    };
    assertEquals(epoch(1), epoch(1));
    const grouped = (batches: string[][]) => batches.map((rows) => rows.sort().join()).sort();
    assertNotEquals(grouped(epoch(1)), grouped(epoch(2)));
    assertNotEquals(grouped(epoch(1)), grouped(epoch(1, 2)));
  }
});

Deno.test("Epochs packs an epoch once, however often it is asked for, and keeps the last one", () => {
  const text = makeText(500, 30), options = { ...BATCHES, bptt: 10 };
  let cuts = 0;
  const watched = new Proxy(text, {
    get(of, name) {
      if (name === "offsets") cuts++; // every packing cuts the sentences first
      return Reflect.get(of, name, of);
    },
  });
  const epochs = new Epochs(watched, options),
    rows = (batches: Iterable<Batch>) => Array.from(batches, (batch) => rowsOf(batch));
  assertEquals(cuts, 0);
  const first = epochs.at(1), once = cuts;
  assert(once > 0);
  assert(epochs.at(1) === first);
  assertEquals([rows(epochs.at(1)), cuts], [rows(batchesOf(text, options, 1)), once]);
  assertEquals(rows(epochs.at(2)), rows(batchesOf(text, options, 2)));
  assertEquals(cuts, 2 * once);
  assert(epochs.at(1) !== first);
});

Deno.test("trainingBatches() cuts the joined text and keeps its last part", () => {
  const text = makeText(100, 20);
  const batches = batchesOf(text, { ...BATCHES, concat: true }, 1);
  const rows = batches.flatMap(rowsOf);
  assertEquals(rows.filter((row) => row.length < 35).length, text.tokens % 35 === 0 ? 0 : 1);
  assertWhole(batches, text);
});

Deno.test("trainingBatches() carries each row on when the state is carried", () => {
  const text = makeText(100, 20);
  for (const batchSize of [1, 7, 20, 5000]) {
    const options = { ...BATCHES, batchSize, concat: true, carryState: true };
    const batches = batchesOf(text, options, 1);
    assertEquals(batches.map(({ continues }) => continues), batches.map((_, i) => i > 0));
    const rows = batches.map(rowsOf);
    const streams = rows[0]!.map((_, b) => rows.flatMap((batch) => batch[b]!));
    assertEquals(streams.flat(), pairsOf(text));
    const lengths = streams.map((stream) => stream.length);
    assert(Math.max(...lengths) - Math.min(...lengths) <= 1);
  }
});

Deno.test("trainingBatches() has words of the text past the ends of rows if noise comes from the batch", () => {
  const text = makeText(400, 20), options = { ...BATCHES, noise: "batch" } as const;
  for (const more of [{}, { concat: true }, { concat: true, carryState: true }]) {
    const batches = batchesOf(text, { ...options, ...more }, 1);
    const past = batches.flatMap(({ mask, target }) => [...target].filter((_, i) => mask[i] === 0));
    assert(past.length > 3 && new Set(past).size > 3);
    assert(past.every((id) => text.ids.includes(id)));
    // Every word comes once: what is more than the words is marks, and those come as often as in the text.
    const marks = past.filter((id) => id === 1).length / past.length;
    assert(marks < 0.5, `${marks} of the places are marks`);
    assertEquals(batches.flatMap(predictions).sort(), pairsOf(text).sort());
    const plain = batchesOf(text, { ...BATCHES, ...more }, 1);
    assert(plain.every(({ mask, target }) => target.every((id, i) => mask[i] === 1 || id === 0)));
  }
});

Deno.test("evaluationBatches() takes every sentence once, in the same order every time", () => {
  const text = makeText(300, 140);
  const batches = evaluationBatches(text);
  assertWhole(batches, text);
  assertEquals(evaluationBatches(text).map(rowsOf), batches.map(rowsOf));
  for (const length of [38, 39, 40, 78, 79, 80, 118]) {
    const text = differentWords([3, length, 7]);
    assertWhole(evaluationBatches(text, { batchSize: 8, tokenBudget: 40 }), text);
  }
});

Deno.test("evaluationBatches() keeps to its budget, and cuts what is longer", () => {
  const builder = new SentencesBuilder();
  for (let i = 0; i < 25; i++) builder.add(new Uint32Array(i % 10).fill(4));
  builder.add(Uint32Array.from({ length: 99 }, (_, i) => 3 + i));
  for (let i = 0; i < 25; i++) builder.add(new Uint32Array(i % 10).fill(4));
  const text = builder.build();
  const batches = evaluationBatches(text, { batchSize: 8, tokenBudget: 40 });
  for (const { batchSize, steps } of batches) assert(batchSize <= 8 && batchSize * steps <= 40);
  const [a, b, c, ...rest] = batches;
  const long = [a!, b!, c!];
  assertEquals(long.map(({ steps, batchSize }) => [steps, batchSize]), [[40, 1], [40, 1], [20, 1]]);
  assertEquals(long.map(({ continues }) => continues), [false, true, true]);
  assert(rest.every(({ continues }) => !continues));
  const ids = text.at(25);
  assertEquals(long.flatMap(({ input }) => [...input]), [...ids.subarray(0, 100)]);
  assertEquals(long.flatMap(({ target }) => [...target]), [...ids.subarray(1)]);
  assertEquals(batches.reduce((sum, { tokens }) => sum + tokens, 0), text.tokens);
});

Deno.test("trainingBatches() throws on sizes that make no sense", () => {
  const text = makeText(3, 3);
  for (const bad of [0, -1, 1.5, NaN]) {
    assertThrows(() => batchesOf(text, { ...BATCHES, bptt: bad }, 1), RangeError, "bptt");
    assertThrows(() => evaluationBatches(text, { tokenBudget: bad }), RangeError, "tokenBudget");
  }
  assertThrows(() => batchesOf(text, { ...BATCHES, carryState: true }, 1), TypeError);
});

Deno.test("a loss against the batch is scored on batches of training, the same for all seeds", () => {
  const text = makeText(300, 20),
    all = (batches: readonly Batch[]) => batches.map(({ target }) => target);
  const settings = { ...BATCHES, noise: "batch", loss: "neg" } as const;
  const batches = scoredBatches(text, "loss", settings);
  const trained = batchesOf(text, settings, 1);
  assertEquals(
    batches.map(({ steps, batchSize }) => [steps, batchSize]),
    trained.map(({ steps, batchSize }) => [steps, batchSize]),
  );
  assertEquals(batches.reduce((sum, { tokens }) => sum + tokens, 0), text.tokens);
  assert(padding(batches) > 0 && batches.every(({ target }) => target.every((id) => id > 0)));
  assertEquals(all(scoredBatches(text, "loss", { ...settings, seed: 5 })), all(batches));
});

Deno.test("what has no noise, or noise of its own, is scored on whole sentences", () => {
  const text = makeText(300, 20), whole = evaluationBatches(text).map(rowsOf);
  const settings = { ...BATCHES, noise: "batch", loss: "sampled" } as const;
  assertEquals(scoredBatches(text, "full", settings).map(rowsOf), whole);
  assertEquals(scoredBatches(text, "loss", { ...settings, loss: "full" }).map(rowsOf), whole);
  assertEquals(scoredBatches(text, "loss", { ...settings, noise: "unigram" }).map(rowsOf), whole);
});
