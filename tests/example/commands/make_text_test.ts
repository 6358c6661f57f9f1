// make-text: the same language as --data synthetic, written out.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { makeText } from "../../../example/commands/make_text.ts";
import { main } from "../../../example/cli/main.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { Failure } from "../../../example/shared/errors.ts";
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

Deno.test("make-text leaves no part of a file that cannot be written, and says why", () =>
  inFolder(() => {
    Deno.writeTextFileSync("file", "");
    const given = { words: "100", vocab: "100" };
    assertThrows(() => makeText("file/folder", given, captureIo()), Failure, "Cannot write file/");
    Deno.mkdirSync("made/train.txt", { recursive: true });
    assertThrows(
      () => makeText("made", given, captureIo()),
      Failure,
      "Cannot write made/train.txt",
    );
    assertEquals(namesIn("made"), ["test.txt", "train.txt", "valid.txt"]);
  }));
