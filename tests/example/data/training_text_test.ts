// Large training texts are written down once, and read again only if they are still the same.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Corpus, loadCorpus } from "../../../example/data/corpus.ts";
import type { Sentences } from "../../../example/data/sentences.ts";
import { splitWords } from "../../../example/data/words.ts";
import { lockFile } from "../../../example/shared/lock.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { listsOf, loadWhole } from "../../support/texts.ts";

/** Every text is kept, in blocks of a few words. */
const KEPT = { kept: 0, block: 10 };
const LINES = Array.from({ length: 40 }, (_, i) => `<s> w${i % 7} w${i % 5} é${i % 3} rare${i}`);
const FILES = {
  "text/train.txt": LINES.join("\n"),
  "text/valid.txt": "w1 w2\n",
  "text/test.txt": "w3\n",
};

/** Runs `body` in a folder with the files. */
function inText(body: () => Promise<void>): Promise<void> {
  return inFolder(async () => {
    Deno.mkdirSync("text");
    for (const [name, text] of Object.entries(FILES)) Deno.writeTextFileSync(name, text);
    await body();
  });
}

function load(options: { minFreq?: number } = {}): Promise<Corpus> {
  return loadCorpus({ data: "text", ...options }, undefined, KEPT);
}

/** What is kept, by its path. */
function keptFile(): string {
  const names = namesIn("saved_model/text");
  assertEquals(names.length, 1, names.join());
  assert(/^text-[0-9a-f]{8}\.ids$/.test(names[0]!), names[0]);
  return `saved_model/text/${names[0]}`;
}

/** The number of words in a text. */
function words(text: string): number {
  return splitWords(text).length;
}

/** When the kept file was written. */
function written(): number {
  return Deno.statSync(keptFile()).ino!;
}

Deno.test("loadCorpus() keeps a large text, and reads the same from what it kept", () =>
  inText(async () => {
    for (const minFreq of [1, 3]) {
      const plain = await loadWhole({ data: "text", minFreq }), first = await load({ minFreq });
      const before = written(), again = await load({ minFreq });
      assertEquals(written(), before, "it was written again");
      for (const { train, valid, test, vocabulary, occurrences, notes } of [first, again]) {
        assertEquals([train, valid, test], [plain.train, plain.valid, plain.test]);
        assertEquals(listsOf(vocabulary), listsOf(plain.vocabulary));
        assertEquals(occurrences.sentences, 40);
        assertEquals(notes, plain.notes);
      }
      assertEquals(first.notes.length, 1);
    }
  }));

Deno.test("loadCorpus() notices a changed text, though its size and time are the same", () =>
  inText(async () => {
    await load();
    const { mtime, atime } = Deno.statSync("text/train.txt"), before = written();
    Deno.writeTextFileSync("text/train.txt", FILES["text/train.txt"].replace("rare7", "RARE7"));
    Deno.utimeSync("text/train.txt", atime!, mtime!);
    const { vocabulary } = await load();
    assert(written() !== before);
    assert(vocabulary.id("RARE7") > 0 && vocabulary.id("rare7") === 0);
  }));

Deno.test("loadCorpus() notices where files are split, and knows a folder by any of its names", () =>
  inText(async () => {
    Deno.removeSync("text/train.txt");
    for (const halves of [["a b", " c d"], ["a b ", "c d"], ["a ", "b c d"]]) {
      halves.forEach((half, i) => Deno.writeTextFileSync(`text/train-${i}.txt`, half));
      const train = (await load()).train as Sentences;
      assertEquals([train.at(0), train.at(1)].map(({ length }) => length - 2), halves.map(words));
    }
    Deno.symlinkSync("text", "link");
    const before = written();
    for (const data of ["link", "./text/", Deno.realPathSync("text")]) {
      await loadCorpus({ data }, undefined, KEPT);
    }
    assertEquals(written(), before);
  }));

Deno.test("loadCorpus() writes what it kept again when that is damaged", () =>
  inText(async () => {
    const plain = await load(), path = keptFile(), good = Deno.readFileSync(path);
    const damaged = [
      good.slice(0, -1),
      good.slice(1),
      new Uint8Array(),
      new Uint8Array([...good, 0]),
    ];
    for (
      const at of [0, 40, good.length >> 1, good.length - 40, good.length - 34, good.length - 1]
    ) {
      const bytes = good.slice();
      bytes[at]! ^= 1;
      damaged.push(bytes);
    }
    for (const bytes of damaged) {
      Deno.writeFileSync(path, bytes);
      assertEquals((await load()).train, plain.train);
      assertEquals(Deno.readFileSync(path), good);
    }
    assertEquals(namesIn("saved_model/text").length, 1, "something else was left");
  }));

Deno.test("loadCorpus() keeps nothing of a small text, and nothing if it cannot be used", () =>
  inText(async () => {
    await loadCorpus({ data: "text" });
    Deno.writeFileSync("text/train.txt", Uint8Array.of(97, 10, 0xff, 10));
    await assertRejects(load, Failure, "text/train.txt: line 2 is not UTF-8");
    Deno.writeTextFileSync("text/train.txt", " \n");
    await assertRejects(load, Failure, "Cannot use text/train.txt: it has no words");
    assertEquals(namesIn("saved_model/text"), []);
    Deno.removeSync("saved_model", { recursive: true });
    Deno.writeTextFileSync("saved_model", "");
    Deno.writeTextFileSync("text/train.txt", "a");
    await assertRejects(load, Failure, "Cannot write saved_model/text/text-");
  }));

Deno.test("loadCorpus() waits while another process writes the same text, and then reads it", () =>
  inText(async () => {
    await load();
    const path = `${keptFile()}.lock`, { tryLockSync, lockSync } = Deno.FsFile.prototype;
    let waits = 0;
    // Another process holds the lock until it is waited for.
    Deno.FsFile.prototype.tryLockSync = () => false;
    Deno.FsFile.prototype.lockSync = function (exclusive) {
      waits++;
      lockSync.call(this, exclusive);
    };
    const io = captureIo(), before = written();
    try {
      await loadCorpus({ data: "text" }, io, KEPT);
    } finally {
      Object.assign(Deno.FsFile.prototype, { tryLockSync, lockSync });
    }
    assertEquals([waits, written()], [1, before]);
    assertEquals(io.outLines, ["waits       until another run has read text/train.txt"]);
    using _lock = lockFile(path, () => {
      throw new Error("the lock was not given back");
    });
  }));

Deno.test("loadCorpus() reads packed files, and several files in order, as one", () =>
  inText(async () => {
    const plain = await loadWhole({ data: "text" });
    const bytes = Deno.readFileSync("text/train.txt");
    const halves = [LINES.slice(0, 20), LINES.slice(20)].map((lines) => lines.join("\n"));
    Deno.removeSync("text/train.txt");
    const ways: Record<string, string | Uint8Array>[] = [
      { "train.txt.gz": gzipSync(bytes) },
      { "train.txt.zst": zstdCompressSync(bytes) },
      { "train-1.txt": halves[0]!, "train-2.txt": halves[1]! },
      { "train-a.txt.zst": zstdCompressSync(halves[0]!), "train-b.txt.gz": gzipSync(halves[1]!) },
      // A plain file comes first, whatever lies beside it.
      { "train.txt": bytes, "train-old.txt": "other words\n", "train.txt.gz": gzipSync("other\n") },
    ];
    for (const files of ways) {
      for (const [name, data] of Object.entries(files)) {
        if (typeof data === "string") Deno.writeTextFileSync(`text/${name}`, data);
        else Deno.writeFileSync(`text/${name}`, data);
      }
      for (const sizes of [undefined, KEPT]) {
        const { train, notes } = await loadCorpus({ data: "text" }, undefined, sizes);
        assertEquals(train, plain.train, Object.keys(files).join());
        const name = Object.keys(files).length === 2 ? "train-*.txt" : Object.keys(files)[0]!;
        assert(
          notes.some((note) => note.startsWith(name) && note.includes(": 40 lines carry")),
          notes.join(),
        );
      }
      for (const name of Object.keys(files)) Deno.removeSync(`text/${name}`);
    }
  }));

Deno.test("loadCorpus() refuses files among which it cannot choose, and packed ones that are cut off", () =>
  inText(async () => {
    const bytes = gzipSync(Deno.readFileSync("text/train.txt"));
    Deno.renameSync("text/train.txt", "text/train-1.txt");
    Deno.writeFileSync("text/train.txt.gz", bytes);
    await assertRejects(
      load,
      UsageError,
      "Cannot tell what to read as text/train.txt: there are train.txt.gz and train-1.txt; keep one of " +
        "them in the folder",
    );
    Deno.removeSync("text/train-1.txt");
    Deno.writeFileSync("text/train.txt.gz", bytes.subarray(0, -9));
    await assertRejects(load, Failure, "Cannot unpack text/train.txt.gz: ");
    Deno.removeSync("text/train.txt.gz");
    await assertRejects(load, UsageError, "Cannot read text/train.txt: there is no such file");
  }));
