// Any text in files is read as Python would read it, or refused with one clear line.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Failure } from "../../../example/shared/errors.ts";
import { openInput } from "../../../example/data/input.ts";
import { countUnknown, type Sentences } from "../../../example/data/sentences.ts";
import { checkAsync } from "../../support/property.ts";
import { PYTHON_SPACE, pythonLines, pythonSplit } from "../../support/python_text.ts";
import { loadWhole, type WholeCorpus } from "../../support/texts.ts";

const FOLDER = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(FOLDER, { recursive: true }));

const SPACE = new Set(PYTHON_SPACE);
const anyWord = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "c",
    "<s>",
    "</s>",
    "<unk>",
    "__proto__",
    "constructor",
    "\ufeff",
    "\u200b",
  ),
  fc.constantFrom(
    "e\u0301",
    "\u00e9",
    "\u200f\u05d0\u202e",
    "\u4e2d\u6587",
    "\u{1f600}\u200d",
    "==",
  ),
  fc.string({ unit: "binary", minLength: 1, maxLength: 4 }).filter((word) =>
    [...word].every((character) => character !== "\0" && !SPACE.has(character))
  ),
);
const anySpace = fc.oneof(
  fc.constantFrom(" ", " ", "\n", "\r", "\r\n", "\n\n"),
  fc.constantFrom(...PYTHON_SPACE),
);
/** Words and white space in any order, so that words also come one right behind the other. */
const anyText = fc.array(fc.oneof(anyWord, anySpace), { maxLength: 40 }).map((parts) =>
  parts.join("")
);

/** What a file should be read as: the words of each line without marks at its ends. */
function reference(text: string): string[][] {
  return pythonLines(text.replace(/^\ufeff/, "")).map((line) => {
    const words = pythonSplit(line), isMark = (word?: string) => word === "<s>" || word === "</s>";
    while (isMark(words[0])) words.shift();
    while (isMark(words.at(-1))) words.pop();
    return words;
  });
}

function wordsOf(text: Sentences, { vocabulary }: WholeCorpus): string[][] {
  return Array.from({ length: text.length }, (_, i) => {
    const ids = text.at(i);
    assertEquals([ids[0], ids.at(-1)], [1, 1]);
    return Array.from(ids.subarray(1, -1), (id) => vocabulary.word(id));
  });
}

/** The corpus of these files, or what is said of why there is none. */
async function load(
  train: string | Uint8Array,
  valid: string,
  minFreq = 1,
): Promise<WholeCorpus | string> {
  for (const [name, content] of Object.entries({ train, valid, test: "a" })) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(`${FOLDER}/${name}.txt`, bytes);
  }
  try {
    return await loadWhole({ data: FOLDER, minFreq });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    assert(!error.message.includes("\n"), error.message);
    return error.message;
  }
}

Deno.test("loadCorpus() reads any text as Python does, marks at the ends of lines apart", () => {
  return checkAsync(fc.asyncProperty(anyText, anyText, async (trainText, validText) => {
    const train = reference(trainText), valid = reference(validText);
    const corpus = await load(trainText, validText),
      empty = (text: string[][]) => text.flat().length === 0;
    if (typeof corpus === "string") {
      assert(empty(train) || empty(valid), corpus);
      assert(corpus.includes(`${empty(train) ? "train" : "valid"}.txt: it has no words`), corpus);
      return;
    }
    assert(!empty(train) && !empty(valid));
    assertEquals(wordsOf(corpus.train, corpus), train);
    // A word that training has not is unknown, and so is </s>; <s> comes in any training.
    const known = new Set([...train.flat(), "<s>"]);
    const wanted = valid.map((words) => words.map((word) => known.has(word) ? word : "<unk>"));
    assertEquals(wordsOf(corpus.valid, corpus), wanted);
    assertEquals(
      countUnknown(corpus.valid),
      wanted.flat().filter((word) => word === "<unk>").length,
    );
  }));
});

Deno.test("loadCorpus() counts each id as often as training predicts it", () => {
  return checkAsync(
    fc.asyncProperty(anyText, fc.integer({ min: 1, max: 4 }), async (text, minFreq) => {
      const corpus = await load(`a ${text}`, "a", minFreq);
      if (typeof corpus === "string") throw new Error(corpus);
      const { vocabulary, train } = corpus, targets = [...train.ids.subarray(1)];
      const found = Array.from(
        vocabulary.counts,
        (_, id) => targets.filter((target) => target === id).length,
      );
      assertEquals([...vocabulary.counts], found);
      assert(vocabulary.counts.slice(3).every((count) => count >= minFreq));
    }),
  );
});

Deno.test("loadCorpus() tells how many lines have marks at their ends", () => {
  return checkAsync(fc.asyncProperty(anyText, async (text) => {
    const corpus = await load(`a\n${text}`, "a");
    if (typeof corpus === "string") throw new Error(corpus);
    const lines = pythonLines(`a\n${text}`).map(pythonSplit), stripped = reference(`a\n${text}`);
    const marked = lines.filter((words, i) => words.length > stripped[i]!.length).length;
    assertEquals(corpus.notes.length, marked === 0 ? 0 : 1);
    if (marked > 0) {
      assert(corpus.notes[0]!.startsWith(`train.txt: ${marked} line`), corpus.notes[0]);
    }
  }));
});

Deno.test("openInput() reads any bytes as one decoding of the whole, or names the line", () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    anyText.map((text) => new TextEncoder().encode(text)),
    fc.tuple(anyText, fc.uint8Array({ maxLength: 3 })).map(([text, more]) =>
      Uint8Array.of(...new TextEncoder().encode(text), ...more)
    ),
  );
  const path = `${FOLDER}/any.txt`;
  return checkAsync(fc.asyncProperty(anyBytes, async (bytes) => {
    Deno.writeFileSync(path, bytes);
    let wanted: string[] | undefined, found: string[] | undefined;
    try {
      wanted = pythonLines(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      wanted = undefined;
    }
    if (bytes.includes(0)) wanted = undefined;
    try {
      found = (await Array.fromAsync(openInput(path).lines())).flat();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      assert(
        /^Cannot read .*any\.txt: line \d+ (is not UTF-8|looks like UTF-16, or has a zero byte);/
          .test(error.message),
      );
    }
    assertEquals(found, wanted);
  }));
});
