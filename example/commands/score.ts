/** `score`: log probabilities of sentences as they arrive. */

import { openInput } from "../data/input.ts";
import { spellingWarning } from "../data/unknown.ts";
import { windowsOf } from "../data/windows.ts";
import { splitWords, withoutMarks } from "../data/words.ts";
import { type Given, readOptions } from "../options/option.ts";
import { SCORE } from "../options/score.ts";
import { Failure } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";
import { errorBar } from "../shared/progress.ts";
import { findModel } from "../storage/open_model.ts";
import { withScorer } from "./open_scorer.ts";
import { scoreLines, ScoreSums } from "./score_lines.ts";

/**
 * Scores a text, one sentence per line, and prints the totals to standard error.
 *
 * @param words The model, and the file; standard input if that is missing or `-`.
 * @throws {UsageError} If there is no such model or file.
 * @throws {Failure} If one of them cannot be used, or the text has no lines.
 */
export async function score(words: readonly string[], given: Given, io: Io): Promise<void> {
  const settings = readOptions(SCORE, given), [word = "", path] = words;
  const found = findModel(word), input = openInput(path), sums = new ScoreSums();
  await withScorer(found, settings, io, async (scorer) => {
    // The bar counts bytes of a file, but sentences of standard input, whose size is unknown.
    const label = input.bytes === undefined ? "scoring sentences" : "scoring";
    using bar = errorBar(io, label, input.bytes);
    let bytes = 0;
    for await (const lines of windowsOf(input.lines((more) => bytes += more))) {
      const sentences = lines.map((line) => withoutMarks(splitWords(line)));
      const size = input.bytes === undefined ? lines.length : bytes;
      bytes = 0;
      const onPart = (part: number) => bar?.step(part * size);
      const scored = (await scorer.score(sentences, onPart)).map((score, i) => {
        return { ...score, line: lines[i]!, words: sentences[i]! };
      });
      scored.forEach((score) => sums.add(score));
      io.write(scored.flatMap((score) => scoreLines(score, settings)).join("\n") + "\n");
    }
  });
  if (sums.sentences === 0) {
    throw new Failure(`Cannot score ${input.name}: it is empty; give a sentence a line`);
  }
  const warning = spellingWarning(word, input.name, sums);
  if (warning !== undefined) io.err(warning);
  for (const line of sums.lines(settings)) io.err(line);
}
