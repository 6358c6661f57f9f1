// What the doctor says of the words of a text.

import { assertEquals } from "@std/assert";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { coverage, vocabularyFindings } from "../../../example/doctor/vocabulary.ts";
import { inFolder } from "../../support/folder.ts";

/** Words in the order of their frequency, each on its own line, then one line of all that come once. */
const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`);

Deno.test("coverage() is the part of the validation text that the most frequent words make up", () =>
  inFolder(async () => {
    const { vocabulary, valid } = await loadCorpus({ data: "." });
    // 400 of the 500 words of valid are the most frequent one, 50 of rank 1,500, 50 unknown.
    assertEquals(coverage({ vocabulary, valid }), [
      { size: 1000, part: 0.8 },
      { size: 2000, part: 0.9 },
    ]);
  }, {
    "train.txt": "top top top\n" + words(999).map((word) => `${word} ${word}\n`).join("") +
      words(1999).slice(999).join("\n") + "\n",
    "valid.txt": "top top top top top top top top w1500 none\n".repeat(50),
    "test.txt": "top\n",
  }));

Deno.test("vocabularyFindings() tells rare and unknown words, and when a text is too small", () =>
  inFolder(async () => {
    const found = vocabularyFindings(await loadCorpus({ data: ".", minFreq: 2 }));
    const said = found.map(({ name, grade, text }) => `${name} ${grade}: ${text}`);
    assertEquals(said, [
      "size warn: 80 / 40 / 60 words to train, validate and test on; vocabulary 5",
      "coverage fine: of valid by the most frequent words: 75 % by 2",
      "rare words fine: of 2 words 0 (0 %) come once in train",
      "unknown words warn: valid 25 % (10 of 40 words), test 33 % (20 of 60 words)",
    ]);
  }, {
    "train.txt": "a b\n".repeat(38) + "c d\ne f\n",
    "valid.txt": "a b a x\n".repeat(10),
    "test.txt": "a b x\n".repeat(20),
  }));

Deno.test("vocabularyFindings() says what to do about words that come once or never", () =>
  inFolder(async () => {
    const rare = async (given: { minFreq?: number; vocab?: string }, isStarted?: boolean) => {
      const found = vocabularyFindings(await loadCorpus({ data: ".", ...given }), isStarted);
      const { text, cure } = found.find(({ name }) => name === "rare words")!;
      return [text, cure];
    };
    const once = "of 4 words 3 (75 %) come once in train";
    assertEquals(await rare({}), [once, "--min-freq 2 leaves them to <unk>, which can be learned"]);
    assertEquals(await rare({}, true), [once, undefined]);
    const never = "of 5 words 1 (20 %) come once in train, 3 never";
    const cure = "more training text, or a vocabulary of the words that are in it";
    assertEquals(await rare({ vocab: "words" }), [never, cure]);
    Deno.writeTextFileSync("words", "a\nb\nc\nx\ny\n");
    const [, none] = await rare({ vocab: "words" });
    assertEquals(none, undefined, "<unk> is learned already");
    Deno.writeTextFileSync("train.txt", "a a c c\nb d\n");
    assertEquals(await rare({}), ["of 4 words 2 (50 %) come once in train", undefined]);
  }, {
    "train.txt": "a a b c d\n",
    "valid.txt": "a b\n",
    "test.txt": "a\n",
    "words": "a\nb\nx\ny\nz\n",
  }));

Deno.test("vocabularyFindings() warns of many unknown words, and of few tokens to score", () =>
  inFolder(async () => {
    const found = async (name: string, given: { minFreq?: number }, isStarted?: boolean) =>
      vocabularyFindings(await loadCorpus({ data: ".", ...given }), isStarted)
        .filter((finding) => finding.name === name).map(({ text, cure }) => [text, cure]);
    const write = (part: string, known: number, unknown: number) =>
      Deno.writeTextFileSync(`${part}.txt`, "a\n".repeat(known) + "x\n".repeat(unknown));
    write("test", 8, 2);
    const some = "valid 0 % (0 of 2 words), test 20 % (2 of 10 words)";
    const cure = "a lower --min-freq, a larger vocabulary (--vocab) or more training text";
    assertEquals(await found("unknown words", { minFreq: 2 }), [[some, cure]]);
    const [[started, own] = []] = await found("unknown words", { minFreq: 2 }, true);
    assertEquals(own, "give a text of the model's own kind by --data");
    assertEquals(started, `train 25 % (1 of 4 words), ${some}`);
    // Training without <unk>: the run's own warning takes the place of the fact.
    const [[warning, remedy] = [], ...more] = await found("unknown words", {});
    assertEquals([warning?.startsWith("valid or test has unknown words"), more], [true, []]);
    assertEquals(remedy, "use --min-freq 2 or a smaller --vocab, so that training contains <unk>");
    const [[, other] = []] = await found("unknown words", {}, true);
    assertEquals(other, "give training text with words that the model does not know");
    write("test", 9, 1);
    assertEquals((await found("unknown words", { minFreq: 2 }))[0]![1], undefined);
    const few = async () => (await found("size", {}))[0]![1];
    assertEquals(
      await few(),
      "take perplexities that differ by less than 170 % for equal, or give more text to validate and test on",
    );
    for (const part of ["valid", "test"]) write(part, 2500, 0);
    assertEquals(await few(), undefined);
    write("test", 2499, 0);
    assertEquals((await few())?.includes(" less than 4.2 % for equal"), true);
  }, { "train.txt": "a a a b\n", "valid.txt": "a a\n", "test.txt": "" }));
