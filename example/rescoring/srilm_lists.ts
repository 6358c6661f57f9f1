/**
 * N-best lists in SRILM's format (nbest-format(5), the third): one file per utterance, with lines
 * `acoustic lm count word word ...`. Scores are logarithms to base 10.
 */

import { readInput } from "../data/input.ts";
import { splitWords, withoutMarks } from "../data/words.ts";
import type { Hypothesis, NBestList } from "./nbest.ts";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Whether a file of a list begins so. */
export function isSrilmList(text: string): boolean {
  const [acoustic = "", lm = "", count = ""] = splitWords(text.split("\n", 1)[0]!);
  return begins(acoustic, lm, count);
}

/** Whether these are two scores and a number of words. */
function begins(acoustic: string, lm: string, count: string): boolean {
  return [acoustic, lm].every(isScore) && /^\d+$/.test(count);
}

/** Reads a file: the list of one utterance, called `id`; throws a Failure that names the line. */
export async function readSrilmList(path: string | undefined, id: string): Promise<NBestList> {
  const hypotheses = await Array.fromAsync(readInput(path), ([line, fail]): Hypothesis => {
    const [acoustic = "", lm = "", count = "", ...words] = splitWords(line);
    if (/^NBestList\d/.test(acoustic)) {
      fail("begins a list of Decipher's; convert it by SRILM's nbest-lattice -write-nbest");
    }
    if (!begins(acoustic, lm, count)) {
      fail("does not begin with two scores, finite numbers, and a number of words");
    }
    return {
      words: withoutMarks(words),
      acoustic: Number(acoustic) * Math.LN10,
      lm: Number(lm) * Math.LN10,
    };
  });
  return { id, hypotheses };
}

function isScore(word: string): boolean {
  return NUMBER.test(word) && Number.isFinite(Number(word));
}

/** The content of a list's file. */
export function srilmText({ hypotheses }: NBestList): string {
  return hypotheses.map(({ words, acoustic, lm = 0 }) =>
    [acoustic / Math.LN10, lm / Math.LN10, words.length, ...words].join(" ") + "\n"
  ).join("");
}
