/** `make-text`: writes text of the made-up language, of any size, to train on. */

import { SyntheticLanguage } from "../data/language.ts";
import { BestPerplexity, generateText, randomOf, type TextPart } from "../data/synthetic.ts";
import { MAKE_TEXT } from "../options/make_text.ts";
import { type Given, readOptions } from "../options/option.ts";
import { AtomicFile } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { formatCount, formatPerplexity } from "../shared/format.ts";
import { Bar } from "../shared/progress.ts";

/** Most words of valid.txt and of test.txt unless they are given. */
const MAX_TEST = 1e6;
const SPACE = Uint8Array.of(0x20), NEWLINE = Uint8Array.of(0x0a);

/**
 * Writes train.txt, valid.txt and test.txt to the folder; each appears when it is complete. The same words
 * come with the same options from `--data synthetic`, as far as both go.
 *
 * @throws {UsageError} If an option is wrong.
 * @throws {Failure} If a file cannot be written.
 */
export function makeText(folder: string, given: Given, io: Io): void {
  const { words, testWords, vocab, seed } = readOptions(MAKE_TEXT, given);
  const language = new SyntheticLanguage(vocab, seed);
  const tested = testWords ?? Math.min(MAX_TEST, Math.ceil(words / 10));
  for (const part of ["valid", "test", "train"] as const) {
    const size = part === "train" ? words : tested, path = `${folder}/${part}.txt`;
    const { count, best } = writePart(path, language, { part, size, seed }, io);
    const most = part === "train" ? "" : `, best possible ppl ${formatPerplexity(best.perplexity)}`;
    io.out(`wrote       ${path}: ${formatCount(count)} words${most}`);
  }
}

/** Writes a part; gives the number of its words, and the best perplexity unless it is for training. */
function writePart(
  path: string,
  language: SyntheticLanguage,
  { part, size, seed }: { part: TextPart; size: number; seed: number },
  io: Io,
): { count: number; best: BestPerplexity } {
  using file = new AtomicFile(path);
  using bar = new Bar(io, `writing ${part}.txt`, size);
  const best = new BestPerplexity(language);
  let count = 0;
  for (const sentence of generateText(language, size, randomOf(part, seed))) {
    sentence.forEach((word, i) => {
      if (i > 0) file.write(SPACE);
      file.write(language.words.bytes(word));
    });
    file.write(NEWLINE);
    if (part !== "train") best.add(sentence);
    count += sentence.length;
    bar.step(sentence.length);
  }
  file.commit();
  return { count, best };
}
