// make-text: the same language as --data synthetic, written out.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { makeText } from "../../../example/commands/make_text.ts";
import { main } from "../../../example/cli/main.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { loadWhole, wordsOf } from "../../support/texts.ts";

Deno.test("make-text writes the words of --data synthetic, and tells the same best perplexities", () =>
  inFolder(async () => {
    const io = captureIo(), sizes = { words: "3000", vocab: "120", seed: "7" };
    assertEquals(
      await main([
        "make-text",
        "made",
        ...Object.entries(sizes).flatMap(([name, size]) => [`--${name}`, size]),
      ], io),
      0,
    );
    const made = await loadWhole({ data: "made" });
    const same = await loadCorpus({ data: "synthetic:words=3000,vocab=120,seed=7" });
    const texts = (corpus: typeof same) =>
      [corpus.train, corpus.valid, corpus.test].map((text) =>
        "ids" in text ? Array.from(text.ids, (id) => corpus.vocabulary.word(id)) : []
      );
    const known = new Set(wordsOf(made.vocabulary)), expected = texts(same);
    const unknown = expected.map((words) => words.map((word) => known.has(word) ? word : "<unk>"));
    assertEquals(texts(made), unknown);
    assertMatch(Deno.readTextFileSync("made/valid.txt"), /^(?:\S+(?: \S+)*\n)+$/);
    assert(expected[0]!.length > 3000);
    const words = [made.valid, made.test, made.train].map((text) =>
      text.words.toLocaleString("en-US")
    );
    assertEquals(io.outLines, [
      `wrote       made/valid.txt: ${words[0]} words, best possible ppl ${
        same.bestValidPerplexity!.toFixed(2)
      }`,
      `wrote       made/test.txt: ${words[1]} words, best possible ppl ${
        same.bestTestPerplexity!.toFixed(2)
      }`,
      `wrote       made/train.txt: ${words[2]} words`,
    ]);
    assertEquals(namesIn("made"), ["test.txt", "train.txt", "valid.txt"]);
  }));

const SMALL = { words: "100", vocab: "100" };

Deno.test("make-text leaves no part of a text that cannot be written, and says why", () =>
  inFolder(() => {
    Deno.writeTextFileSync("file", "");
    assertThrows(
      () => makeText("file/folder", SMALL, captureIo()),
      Failure,
      "Cannot write file/folder/valid.txt: file is no folder, nor a link to one",
    );
    Deno.mkdirSync("made/train.txt.nce-unfinished.tmp", { recursive: true }); // the last of the three
    const io = captureIo();
    assertThrows(() => makeText("made", SMALL, io), Failure, "Cannot write made/train.txt: ");
    assertEquals([namesIn("made"), io.outLines], [["train.txt.nce-unfinished.tmp"], []]);
  }));

Deno.test("make-text replaces no text, neither another's nor its own", () =>
  inFolder(() => {
    for (const name of ["train.txt", "test.txt.gz", "valid-1.txt"]) {
      const folder = `with ${name}`;
      Deno.mkdirSync(folder);
      Deno.writeTextFileSync(`${folder}/${name}`, "mine\n");
      const { message } = assertThrows(() => makeText(folder, SMALL, captureIo()), UsageError);
      assertEquals(
        message,
        `Cannot write a text to ${folder}, which has ${name}: give another folder`,
      );
      assertEquals(Deno.readTextFileSync(`${folder}/${name}`), "mine\n");
      assertEquals(namesIn(folder), [name]);
    }
    Deno.mkdirSync("notes");
    Deno.writeTextFileSync("notes/trains.txt", "mine\n");
    makeText("notes", SMALL, captureIo());
    assertThrows(() => makeText("notes", SMALL, captureIo()), UsageError, "which has valid.txt");
  }));
