// Reading text: sentences and errors.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { loadTestText } from "../../../example/data/corpus.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { countUnknown } from "../../../example/data/sentences.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { listsOf, loadWhole, tableOf, type WholeCorpus, wordsOf } from "../../support/texts.ts";

type Content = string | Uint8Array;

/** Runs `body` in a folder with these files, which is removed afterwards. */
async function withFolder<T>(
  files: Record<string, Content>,
  body: (folder: string) => T | Promise<T>,
): Promise<T> {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    return await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function load(
  train: Content,
  valid: Content = "a\n",
  test: Content = "a\n",
  minFreq = 1,
): Promise<WholeCorpus> {
  const files = { "train.txt": train, "valid.txt": valid, "test.txt": test };
  return withFolder(files, (folder) => loadWhole({ data: `${folder}/`, minFreq }));
}

Deno.test("loadCorpus() gives sentences with a mark at both ends", async () => {
  const { vocabulary, train, valid, test } = await load("b a b\n\nb c", "c d\n", "\ta \r\n", 1);
  const words = (ids: Uint32Array) => Array.from(ids, (id) => vocabulary.word(id));
  assertEquals(words(train.at(0)), ["<s>", "b", "a", "b", "<s>"]);
  assertEquals(words(train.at(1)), ["<s>", "<s>"]);
  assertEquals(words(train.at(2)), ["<s>", "b", "c", "<s>"]);
  assertEquals(words(valid.at(0)), ["<s>", "c", "<unk>", "<s>"]);
  assertEquals(words(test.at(0)), ["<s>", "a", "<s>"]);
  assertEquals([train.length, train.words, train.tokens], [3, 5, 8]);
  assertThrows(() => train.at(3), RangeError, "There is no sentence 3: they go from 0 to 2");
});

Deno.test("loadCorpus() joins the same sentences with one mark between them", async () => {
  const { vocabulary, train } = await load("b a\n\nb", "a", "a", 2);
  assertEquals(wordsOf(vocabulary), ["<unk>", "<s>", "</s>", "b"]);
  assertEquals([...train.ids], [1, 3, 0, 1, 1, 3, 1]);
  assertEquals([...vocabulary.counts], [1, 3, 0, 2]);
});

Deno.test("loadTestText() knows the best perplexity only for models that have all words of the language", async () => {
  const data = "synthetic:words=1000,vocab=100", own = await loadWhole({ data });
  const best = async (vocabulary: Vocabulary) =>
    (await loadTestText(data, vocabulary)).bestTestPerplexity;
  assertEquals(await best(own.vocabulary), own.bestTestPerplexity);
  const words = wordsOf(own.vocabulary).slice(0, 50);
  assertEquals(await best(Vocabulary.from(words, new Array(50).fill(1))), undefined);
});

Deno.test("loadCorpus() reads lines longer than its buffer", async () => {
  const line = "word ".repeat(500_000);
  const { train } = await load(`a\n${line}\nb`);
  assertEquals([train.length, train.words], [3, 500_002]);
  assertEquals(train.at(1).length, 500_002);
});

Deno.test("loadCorpus() throws a UsageError when something is missing", async () => {
  await assertRejects(
    () => loadWhole({ data: "no/such" }),
    UsageError,
    "--data no/such: there is no",
  );
  await withFolder({ "train.txt": "a", "valid.txt": "a" }, async (folder) => {
    await assertRejects(() => loadWhole({ data: folder }), UsageError, `${folder}/test.txt`);
    const data = `${folder}/train.txt`;
    await assertRejects(() => loadWhole({ data }), UsageError, "it is a file");
    Deno.mkdirSync(`${folder}/test.txt`);
    await assertRejects(() => loadWhole({ data: folder }), UsageError, "it is a folder");
  });
});

Deno.test("loadCorpus() throws a Failure when a file has no words or is not UTF-8", async () => {
  await assertRejects(() => load(""), Failure, "train.txt: it has no words");
  await assertRejects(() => load("\n \n"), Failure, "train.txt: it has no words");
  await assertRejects(() => load("a", "a", ""), Failure, "test.txt: it has no words");
  const bad = new Uint8Array([97, 10, 98, 10, 0xff, 10]);
  await assertRejects(() => load(bad), Failure, "train.txt: line 3 is not UTF-8");
  await assertRejects(() => load("a", new Uint8Array([0xc3])), Failure, "valid.txt: line 1");
});

Deno.test("loadCorpus() refuses --vocab and --min-freq for synthetic text", async () => {
  const data = "synthetic:words=1000";
  await assertRejects(() => loadWhole({ data, minFreq: 2 }), UsageError, "--min-freq has no use");
  await assertRejects(() => loadWhole({ data, vocab: "v" }), UsageError, "--vocab has no use");
});

Deno.test("loadCorpus() takes the words of a model, also for synthetic text", async () => {
  const data = "synthetic:words=1000,vocab=100", own = await loadWhole({ data });
  const { table, counts } = own.vocabulary, all = wordsOf(table);
  const order = [...all.slice(0, 3), ...all.slice(3).reverse(), "another"];
  const other = await loadWhole({ data, words: tableOf(order) });
  assertEquals(wordsOf(other.vocabulary), order);
  assertEquals([...other.vocabulary.counts.slice(3, -1)], [...counts.slice(3)].reverse());
  assertEquals(other.vocabulary.counts.at(-1), 0);
  for (const part of ["train", "valid", "test"] as const) {
    const words = ({ vocabulary }: WholeCorpus, ids: Iterable<number>) =>
      Array.from(ids, (id) => vocabulary.word(id));
    assertEquals(words(other, other[part].ids), words(own, own[part].ids));
  }
  assertEquals(other.bestTestPerplexity, own.bestTestPerplexity);
  const fewer = await loadWhole({ data, words: tableOf(order.slice(0, 50)) });
  assertEquals(fewer.bestTestPerplexity, undefined);
  assertEquals(fewer.vocabulary.counts[0], countUnknown(fewer.train));
});

Deno.test("loadCorpus() takes the words of a vocabulary file", async () => {
  const text = "a b c\n";
  const files = { "train.txt": text, "valid.txt": text, "test.txt": text, "v.txt": "c\nz\n" };
  await withFolder(files, async (folder) => {
    const { vocabulary, test } = await loadWhole({ data: folder, vocab: `${folder}/v.txt` });
    assertEquals(wordsOf(vocabulary).slice(3), ["c", "z"]);
    assertEquals([...vocabulary.counts], [2, 1, 0, 1, 0]);
    assertEquals([...test.at(0)], [1, 0, 0, 3, 1]);
  });
});

Deno.test("loadCorpus() takes marks at the ends of lines for those of the sentence, and says so", async () => {
  const plain = await load("a b\n\nb c\n", "a b\n", "c\n");
  const marked = await load("<s> a b </s>\n</s>\nb c\n", "a b </s>\n", "c\n");
  assertEquals(marked.train, plain.train);
  assertEquals([marked.valid, marked.test], [plain.valid, plain.test]);
  assertEquals(listsOf(marked.vocabulary), listsOf(plain.vocabulary));
  assertEquals(plain.notes, []);
  const told = "at their ends; they are taken as the marks of the sentence";
  assertEquals(marked.notes, [
    `train.txt: 2 lines carry <s> or </s> ${told}`,
    `valid.txt: 1 line carries <s> or </s> ${told.replace("their", "its")}`,
  ]);
});

Deno.test("loadTestText() uses the vocabulary of a saved model", async () => {
  const vocabulary = Vocabulary.from(["<unk>", "<s>", "</s>", "a"], [0, 1, 0, 1]);
  await withFolder({ "test.txt": "a q </s> a </s>" }, async (folder) => {
    const { test: text } = await loadTestText(folder, vocabulary);
    assertEquals([...text.at(0)], [1, 3, 0, 0, 3, 1]);
    assertEquals(countUnknown(text), 2);
  });
});

Deno.test("loadCorpus() says of UTF-16 and of lines too long what to do", async () => {
  const utf16 = (text: string, little: boolean) => {
    const bytes = new Uint8Array(2 * text.length), view = new DataView(bytes.buffer);
    [...text].forEach((c, i) => view.setUint16(2 * i, c.charCodeAt(0), little));
    return bytes;
  };
  const cure =
    "looks like UTF-16, or has a zero byte; convert the file to UTF-8, or take the byte out";
  for (const little of [true, false]) {
    for (
      const text of ["\ufeff\u4e2d \u6587\n", "\ufeff\u4e2d\u6587", "a b\n", "\u4e2d \u6587\n"]
    ) {
      await assertRejects(() => load(utf16(text, little)), Failure, `train.txt: line 1 ${cure}`);
    }
  }
  await assertRejects(() => load("a b\nc\0d\n"), Failure, `train.txt: line 2 ${cure}`);
  const long = new Uint8Array((1 << 27) + 1).fill(97);
  await assertRejects(
    () => load(long),
    Failure,
    "line 1 has over 128 MiB; write a sentence a line",
  );
});
