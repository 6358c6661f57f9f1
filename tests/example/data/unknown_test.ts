// Unknown words and marks in the text: what is said of them, how probable they are, small texts that went wrong.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UsageError } from "../../../example/shared/errors.ts";
import { makeNoise, noiseWarning } from "../../../example/model/noise.ts";
import { SentencesBuilder } from "../../../example/data/sentences.ts";
import { type NoiseName, NOISES } from "../../../example/options/choices.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { checkWords, describeUnknown, unknownWarnings } from "../../../example/data/unknown.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { inFolder } from "../../support/folder.ts";
import { trainOn } from "../../support/text_run.ts";
import { loadWhole, wordsOf } from "../../support/texts.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const TINY: Given = {
  "emsize": "8",
  "nhid": "8",
  "nlayers": "1",
  "dropout": "0",
  "loss": "nce",
  "noise-ratio": "5",
  "epochs": "5",
};

/** The files of a text: lines that are repeated. */
function filesOf(
  train: readonly string[],
  [valid, test]: readonly [string, string],
  { times = 100, end = "\n" } = {},
): Record<string, string> {
  const text = (lines: readonly string[]) => lines.map((line) => line + end).join("");
  return {
    "train.txt": text(new Array<readonly string[]>(times).fill(train).flat()),
    "valid.txt": text(new Array<string>(5).fill(valid)),
    "test.txt": text(new Array<string>(5).fill(test)),
  };
}

const PLAIN = ["a b c d", "b c d a"], SAME = ["a b c d", "a b c d"] as const;

/** A text whose training, validation and test part have these many unknown words of ten. */
function corpusOf(
  train: number,
  valid: number,
  test: number,
): Parameters<typeof unknownWarnings>[0] {
  const part = (unknown: number) => {
    const builder = new SentencesBuilder();
    builder.add(Array.from({ length: 10 }, (_, i) => i < unknown ? 0 : 3));
    return builder.build();
  };
  const vocabulary = Vocabulary.from(["<unk>", "<s>", "</s>", "a"], [train, 1, 0, 10 - train]);
  return { vocabulary, train: part(train), valid: part(valid), test: part(test) };
}

Deno.test("describeUnknown() counts the unknown words of validation and test, if there are any", () => {
  assertEquals(describeUnknown(corpusOf(3, 0, 0)), undefined);
  assertEquals(
    describeUnknown(corpusOf(0, 1, 0)),
    "valid 10 % (1 of 10 words), test 0 % (0 of 10 words)",
  );
  const builder = new SentencesBuilder();
  builder.add(Array.from({ length: 123_456 }, (_, i) => i < 7 ? 0 : 3));
  const found = describeUnknown({ ...corpusOf(0, 1, 0), test: builder.build() });
  assertEquals(found?.split(", test ")[1], "0.0057 % (7 of 123,456 words)");
});

Deno.test("unknownWarnings() warns if <unk> is never trained but needed, and if it is most of a text", () => {
  assertEquals(unknownWarnings(corpusOf(0, 0, 0)), []);
  assertEquals(unknownWarnings(corpusOf(1, 5, 5)), []);
  for (const [valid, test] of [[1, 0], [0, 1]] as const) {
    const [warning, ...more] = unknownWarnings(corpusOf(0, valid, test));
    assert(warning?.includes("training has none") && warning.includes("--min-freq 2"), warning);
    assertEquals(more, []);
  }
  const most: [Parameters<typeof corpusOf>, string][] = [
    [[6, 1, 1], "<unk> is 60 % of train:"],
    [[1, 6, 7], "<unk> is 60 % of valid, 70 % of test:"],
  ];
  for (const [parts, told] of most) {
    const [warning, ...more] = unknownWarnings(corpusOf(...parts));
    assert(warning?.includes(told) && warning.includes("means nothing"), warning);
    assertEquals(more, []);
  }
  assertEquals(unknownWarnings(corpusOf(0, 10, 10)).length, 2);
});

Deno.test("checkWords() refuses a text of which no word is known, and names what makes it so", () => {
  const refuses = (given: Given, ...counts: number[]) => {
    const vocabulary = Vocabulary.from(
      ["<unk>", "<s>", "</s>", "a", "b"].slice(0, counts.length),
      counts,
    );
    checkWords(parseSettings({ data: "text", ...given }), { vocabulary });
  };
  // With a single known word there is something to learn; </s> within lines is none.
  for (const given of [{}, { "min-freq": "9" }, { vocab: "list" }]) refuses(given, 9, 1, 0, 0, 1);
  const cases: [Given, string][] = [
    [{}, "all its words are <unk>; give a text with words"],
    [{ "min-freq": "9" }, "--min-freq 9 leaves none of its words; give a smaller one"],
    [{ vocab: "list" }, "--vocab list has none of its words; give a list of words that are in it"],
  ];
  for (const [given, why] of cases) {
    for (const counts of [[9, 1, 0], [9, 1, 5], [9, 1, 0, 0, 0]]) {
      const { message } = assertThrows(() => refuses(given, ...counts), UsageError);
      assertEquals(message, `Cannot train on --data text: ${why}`);
    }
  }
});

Deno.test("makeNoise() counts words that training lacks once, many less, </s> where it is a word", () =>
  withGpu((gpu) => {
    const settings = parseSettings({ loss: "nce" });
    const cases: [string, number[], number[]][] = [
      ["unigram", [0, 20, 0, 70, 9, 0], [1, 20, 0, 70, 9, 1]],
      ["unigram", [0, 20, 0, 70, 0, 9, 0], [1, 20, 0, 70, 0.5, 9, 0.5]],
      ["unigram", [0, 20, 0, 1, 0, 1, 0, 0], [1, 20, 0, 1, 2 / 3, 1, 2 / 3, 2 / 3]],
      ["unigram", [0, 20, 0, 1, 0, 1, 1], [1, 20, 0, 1, 1, 1, 1]],
      ["unigram", [5, 20, 0, 70, 5], [5, 20, 0, 70, 5]],
      ["unigram", [0, 20, 2, 70, 9], [1, 20, 2, 70, 9]],
      ["batch", [0, 20, 0, 70, 9, 0], [1, 20, 0, 70, 9, 1]],
    ];
    for (const [noise, counts, weights] of cases) {
      using source = makeNoise(gpu, { ...settings, noise: noise as "unigram" | "batch" }, counts);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      assertClose(source.probabilities, weights.map((weight) => weight / total), { atol: 1e-9 });
    }
    const shape = { ...settings, noisePower: 0.5, noiseUniform: 0.1 };
    using shaped = makeNoise(gpu, shape, [0, 16, 0, 4]);
    const expected = [1, 4, 0, 2].map((weight) => 0.9 * weight / 7 + 0.1 / 4);
    assertClose(shaped.probabilities, expected, { atol: 1e-9 });
  }));

Deno.test("noiseWarning() counts the words that are more frequent than the one before", () => {
  const warn = (noise: NoiseName, ...counts: number[]) =>
    noiseWarning({ ...parseSettings({}), noise }, counts);
  const cure = "give --noise unigram, or a vocabulary file in that order";
  const told = "takes ids to be in order of falling frequency, but";
  const sources = ["log-uniform", "batch+log-uniform"] as const;
  for (const noise of sources) {
    // The marks' counts, the first three, may be anything, and equal counts follow one another.
    assertEquals(warn(noise, 1, 90, 0, 9, 9, 7, 0, 0), undefined);
    assertEquals(
      warn(noise, 1, 90, 0, 9, 7, 8, 9, 9, 0, 1),
      `warning: --noise ${noise} ${told} 3 of 7 words are more frequent than the one before; ${cure}`,
    );
  }
  for (const noise of NOISES) {
    if (!sources.some((other) => other === noise)) {
      assertEquals(warn(noise, 1, 90, 0, 1, 2, 3), undefined);
    }
  }
});

Deno.test("run() warns of log-uniform noise where a vocabulary file has another order", async () => {
  const files = { ...filesOf(["a b b c c c"], ["a", "b"]), "v.txt": "a\nb\nc\n" };
  const warningsOf = async (noise: string) => {
    const { io } = await trainOn(files, { ...TINY, epochs: "1", vocab: "v.txt", noise });
    return io.errLines.filter((line) => line.includes("--noise"));
  };
  assertEquals(await warningsOf("log-uniform"), [
    "warning: --noise log-uniform takes ids to be in order of falling frequency, but 2 of 3 words " +
    "are more frequent than the one before; give --noise unigram, or a vocabulary file in that order",
  ]);
  assertEquals(await warningsOf("uniform"), []);
});

Deno.test("run() finds a perplexity of the order of V where a test has unknown words", async () => {
  const files = filesOf(["p q r s", "q r s p"], ["p q r s", "p z q s"]);
  const { ppl, unknown, io } = await trainOn(files, TINY);
  // A quarter of the words costs about ln of the 1,000 tokens of training: a factor of 4 on the rest.
  assert(ppl > 7 && ppl < 40, `${ppl}`);
  assertEquals(unknown.tokens, 5);
  assert(Math.abs(unknown.nll / 5 - Math.log(1000)) < 1.5, `${unknown.nll / 5} nats`);
  const told = "unknown     valid 0 % (0 of 20 words), test 25 % (5 of 20 words)";
  assert(io.outLines.includes(told), io.outLines.join("\n"));
  assertEquals(io.errLines.filter((line) => line.includes("training has none")).length, 1);
});

Deno.test("loadCorpus() reads the same from lines with marks or other ends", async () => {
  const mark = (line: string) => `<s> ${line} </s>`;
  const load = (files: Record<string, string>) => inFolder((data) => loadWhole({ data }), files);
  const plain = await load(filesOf(PLAIN, SAME));
  for (
    const files of [
      filesOf(PLAIN.map(mark), [mark(SAME[0]), mark(SAME[1])]),
      filesOf(PLAIN, SAME, { end: "\r" }),
      filesOf(PLAIN, SAME, { end: "\r\n" }),
    ]
  ) assertEquals({ ...await load(files), notes: [] }, plain);
});

Deno.test("run() does as well on lines that end in a mark, and tells of the marks", async () => {
  const { "noise-ratio": _, ...others } = TINY;
  const ending = (end: string) => {
    const lines = PLAIN.map((line) => `${line} ${end}`), both = lines.join("\n");
    return trainOn(filesOf(lines, [both, both]), { ...others, loss: "full", epochs: "10" });
  };
  const mark = await ending("</s>"), word = await ending("E");
  const told = mark.io.outLines.filter((line) => line.startsWith("note"));
  assertEquals(told.length, 3);
  assert(told[0]!.startsWith("note        train.txt: 200 lines carry <s> or </s> at their ends;"));
  assertEquals(word.io.outLines.filter((line) => line.startsWith("note")), []);
  // Of the five tokens of a line, or six with a word at its end, only the first is not certain.
  assertClose([mark.ppl, word.ppl], [2 ** (1 / 5), 2 ** (1 / 6)], { rtol: 0.05 });
});

Deno.test("run() learns </s> within lines like any word", async () => {
  const within = ["a b </s> d", "b </s> d a"], same = [within[0]!, within[0]!] as const;
  const { ppl, unknown } = await trainOn(filesOf(within, same), TINY);
  const plain = await trainOn(filesOf(PLAIN, SAME), TINY);
  assertEquals(unknown.tokens, 0);
  assert(ppl > 0.6 * plain.ppl && ppl < 1.4 * plain.ppl, `${ppl}, for c in its place ${plain.ppl}`);
});

Deno.test("run() trains with batch noise where a last target would be alone", async () => {
  const files = filesOf([new Array(7).fill("a b c d e").join(" ")], ["a b c", "a b c"], {
    times: 1,
  });
  const { "noise-ratio": _, ...others } = TINY;
  const alone: Given = { ...others, "noise": "batch", "batch-size": "1", "epochs": "2" };
  for (const given of [{ concat: true }, { "concat": true, "carry-state": true }, {}]) {
    const { ppl } = await trainOn(files, { ...alone, ...given });
    assert(ppl > 1 && ppl < 16, `${ppl}`);
  }
  const hopeless = trainOn(files, { ...alone, bptt: "1" });
  await assertRejects(
    () => hopeless,
    UsageError,
    "--batch-size 1 and --bptt 1: a batch has one target",
  );
});

Deno.test("run() makes do with the least of texts", async () => {
  // With V: whoever chooses blindly among all words has that perplexity.
  const cases: [string, Record<string, string>, number][] = [
    ["one word", { "train.txt": "a", "valid.txt": "a", "test.txt": "a" }, 4],
    ["empty lines between", {
      "train.txt": "\n\na b\n\n",
      "valid.txt": "\n\na\n",
      "test.txt": "a\n\n",
    }, 5],
    ["only unknown words", { "train.txt": "a b\n", "valid.txt": "x\n", "test.txt": "y z\n" }, 5],
  ];
  for (const [name, files, words] of cases) {
    // One step, a small one: the model is still about the noise.
    const { ppl } = await trainOn(files, { ...TINY, epochs: "1", lr: "0.1" });
    assert(ppl > 1 && ppl < words, `${name}: ${ppl}`);
  }
});

Deno.test("loadCorpus() takes freq.txt for a vocabulary", () =>
  inFolder(async (data) => {
    Deno.writeTextFileSync("freq.txt", "</s> 9\n<s> 9\na 3\n<unk> 2\nz 1\n");
    const { vocabulary, valid } = await loadWhole({ data, vocab: "freq.txt" });
    assertEquals(wordsOf(vocabulary).slice(3), ["a", "z"]);
    assertEquals([...vocabulary.counts], [300, 200, 100, 300, 0]);
    assertEquals([...valid.at(0)], [1, 3, 4, 1]);
  }, filesOf(["a b c", "<unk> a </s> a"], ["a z", "a"])));
