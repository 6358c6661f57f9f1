/** `make-text`: writes text of the made-up language, of any size, to train on. */

import { SyntheticLanguage } from "../data/language.ts";
import { BestPerplexity, generateText, randomOf, type TextPart } from "../data/synthetic.ts";
import { MAKE_TEXT } from "../options/make_text.ts";
import { type Given, readOptions } from "../options/option.ts";
import { namesOfPart } from "../data/text_files.ts";
import { UsageError } from "../shared/errors.ts";
import { AtomicFile, namesIn } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { formatCount, formatPerplexity, labelled } from "../shared/format.ts";
import { Bar } from "../shared/progress.ts";

/** Most words of valid.txt and of test.txt unless they are given. */
const MAX_TEST = 1e6;
const SPACE = Uint8Array.of(0x20), NEWLINE = Uint8Array.of(0x0a);

/** The parts of a text; training, the largest, is the last. */
const PARTS = ["valid", "test", "train"] as const;

/**
 * Writes train.txt, valid.txt and test.txt to the folder; they appear when all are complete. The same words
 * come with the same options from `--data synthetic`, as far as both go.
 *
 * @throws {UsageError} If an option is wrong, or the folder has a text.
 * @throws {Failure} If a file cannot be written; there is none then.
 */
export function makeText(folder: string, given: Given, io: Io): void {
  const { words, testWords, vocab, seed } = readOptions(MAKE_TEXT, given);
  checkEmpty(folder);
  const language = new SyntheticLanguage(vocab, seed);
  const tested = testWords ?? Math.min(MAX_TEST, Math.ceil(words / 10));
  using opened = new DisposableStack();
  const files = PARTS.map((part) => opened.use(new AtomicFile(`${folder}/${part}.txt`)));
  const texts = PARTS.map((part, i) => {
    const size = part === "train" ? words : tested;
    return writePart(files[i]!, language, { part, size, seed }, io);
  });
  for (const [i, file] of files.entries()) {
    file.commit();
    const { count, best } = texts[i]!;
    const most = best ? `, best possible ppl ${formatPerplexity(best.perplexity)}` : "";
    io.out(labelled("wrote", `${file.path}: ${formatCount(count)} words${most}`));
  }
}

/** A text cannot be told from one of somebody else's, so none is replaced. */
function checkEmpty(folder: string): void {
  const names = namesIn(folder), text = PARTS.flatMap((part) => namesOfPart(part, names))[0];
  if (text === undefined) return;
  throw new UsageError(`Cannot write a text to ${folder}, which has ${text}: give another folder`);
}

/** Writes a part; gives the number of its words, and the best perplexity unless it is for training. */
function writePart(
  file: AtomicFile,
  language: SyntheticLanguage,
  { part, size, seed }: { part: TextPart; size: number; seed: number },
  io: Io,
): { count: number; best?: BestPerplexity } {
  using bar = new Bar(io, `writing ${part}.txt`, size);
  const best = part === "train" ? undefined : new BestPerplexity(language);
  let count = 0;
  for (const sentence of generateText(language, size, randomOf(part, seed))) {
    sentence.forEach((word, i) => {
      if (i > 0) file.write(SPACE);
      file.write(language.words.bytes(word));
    });
    file.write(NEWLINE);
    best?.add(sentence);
    count += sentence.length;
    bar.step(sentence.length);
  }
  return { count, ...(best && { best }) };
}
