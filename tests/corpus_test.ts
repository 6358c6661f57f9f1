// Reading text: sentences and errors.

import { assertEquals, assertThrows } from "@std/assert";
import { type Corpus, loadCorpus, readSentences } from "../example/corpus.ts";
import { Failure, UsageError } from "../example/errors.ts";
import { readLines } from "../example/files.ts";
import { Vocabulary } from "../example/vocab.ts";

type Content = string | Uint8Array;

/** Runs `body` in a folder with these files, which is removed afterwards. */
function withFolder<T>(files: Record<string, Content>, body: (folder: string) => T): T {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    return body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function load(
  train: Content,
  valid: Content = "a\n",
  test: Content = "a\n",
  minFreq = 1,
): Corpus {
  const files = { "train.txt": train, "valid.txt": valid, "test.txt": test };
  return withFolder(files, (folder) => loadCorpus({ data: `${folder}/`, minFreq }));
}

Deno.test("loadCorpus() gives sentences with a mark at both ends", () => {
  const { vocabulary, train, valid, test } = load("b a b\n\nb c", "c d\n", "\ta \r\n", 1);
  const words = (ids: Uint32Array) => Array.from(ids, (id) => vocabulary.word(id));
  assertEquals(words(train.at(0)), ["<s>", "b", "a", "b", "<s>"]);
  assertEquals(words(train.at(1)), ["<s>", "<s>"]);
  assertEquals(words(train.at(2)), ["<s>", "b", "c", "<s>"]);
  assertEquals(words(valid.at(0)), ["<s>", "c", "<unk>", "<s>"]);
  assertEquals(words(test.at(0)), ["<s>", "a", "<s>"]);
  assertEquals([train.length, train.words, train.tokens], [3, 5, 8]);
  assertThrows(() => train.at(3), RangeError, "There is no sentence 3");
});

Deno.test("loadCorpus() joins the same sentences with one mark between them", () => {
  const { vocabulary, train } = load("b a\n\nb", "a", "a", 2);
  assertEquals(vocabulary.words, ["<unk>", "<s>", "</s>", "b"]);
  assertEquals([...train.ids], [1, 3, 0, 1, 1, 3, 1]);
  assertEquals(vocabulary.counts, [1, 3, 0, 2]);
});

Deno.test("loadCorpus() reads lines longer than its buffer", () => {
  const line = "word ".repeat(500_000);
  const { train } = load(`a\n${line}\nb`);
  assertEquals([train.length, train.words], [3, 500_002]);
  assertEquals(train.at(1).length, 500_002);
});

Deno.test("loadCorpus() drops a byte order mark", () => {
  assertEquals(load("\ufeffa b").vocabulary.words.slice(3), ["a", "b"]);
});

Deno.test("loadCorpus() throws a UsageError when something is missing", () => {
  assertThrows(() => loadCorpus({ data: "no/such" }), UsageError, "--data no/such: there is no");
  withFolder({ "train.txt": "a", "valid.txt": "a" }, (folder) => {
    assertThrows(() => loadCorpus({ data: folder }), UsageError, `${folder}/test.txt`);
    const data = `${folder}/train.txt`;
    assertThrows(() => loadCorpus({ data }), UsageError, "it is a file");
    Deno.mkdirSync(`${folder}/test.txt`);
    assertThrows(() => loadCorpus({ data: folder }), UsageError, "it is a folder");
  });
});

Deno.test("loadCorpus() throws a Failure when a file has no words or is not UTF-8", () => {
  assertThrows(() => load(""), Failure, "train.txt: it has no words");
  assertThrows(() => load("\n \n"), Failure, "train.txt: it has no words");
  assertThrows(() => load("a", "a", ""), Failure, "test.txt: it has no words");
  const bad = new Uint8Array([97, 10, 98, 10, 0xff, 10]);
  assertThrows(() => load(bad), Failure, "train.txt: line 3 is not UTF-8");
  assertThrows(() => load("a", new Uint8Array([0xc3])), Failure, "valid.txt: line 1");
});

Deno.test("loadCorpus() refuses --vocab and --min-freq for synthetic text", () => {
  const data = "synthetic:words=1000";
  assertThrows(() => loadCorpus({ data, minFreq: 2 }), UsageError, "--min-freq has no use");
  assertThrows(() => loadCorpus({ data, vocab: "v" }), UsageError, "--vocab has no use");
});

Deno.test("loadCorpus() takes the words of a vocabulary file", () => {
  const text = "a b c\n";
  const files = { "train.txt": text, "valid.txt": text, "test.txt": text, "v.txt": "c\nz\n" };
  withFolder(files, (folder) => {
    const { vocabulary, test } = loadCorpus({ data: folder, vocab: `${folder}/v.txt` });
    assertEquals(vocabulary.words.slice(3), ["c", "z"]);
    assertEquals(vocabulary.counts, [2, 1, 0, 1, 0]);
    assertEquals([...test.at(0)], [1, 0, 0, 3, 1]);
  });
});

Deno.test("readSentences() uses the vocabulary of a saved model", () => {
  const vocabulary = Vocabulary.from(["<unk>", "<s>", "</s>", "a"], [0, 1, 0, 1]);
  withFolder({ "x.txt": "a q </s>" }, (folder) => {
    const text = readSentences(`${folder}/x.txt`, vocabulary);
    assertEquals([...text.at(0)], [1, 3, 0, 2, 1]);
  });
});

Deno.test("readLines() splits at newlines only and not after the last one", () => {
  withFolder({ a: "x\n\ny\u2028z\n", b: "\n", c: "" }, (folder) => {
    assertEquals([...readLines(`${folder}/a`)], ["x", "", "y\u2028z"]);
    assertEquals([...readLines(`${folder}/b`)], [""]);
    assertEquals([...readLines(`${folder}/c`)], []);
  });
});
