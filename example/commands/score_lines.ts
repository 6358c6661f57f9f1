/** Formats the scores of sentences, and their totals. */

import type { SentenceScore } from "../evaluation/text_scorer.ts";
import type { ScoreSettings } from "../options/score.ts";
import { scoringText } from "../options/evaluation_kind.ts";
import { formatCount, labelled } from "../shared/format.ts";

/** A sentence with its line and its score. */
export interface ScoredLine extends SentenceScore {
  /** The line. */
  readonly line: string;
  readonly words: readonly string[];
}

/** How the end of a sentence is shown. */
const END = "</s>";
/** Decimals in lines for people. */
const DIGITS = 6;

/** The lines of a sentence: its own, and those of its words if requested. */
export function scoreLines(scored: ScoredLine, settings: ScoreSettings): string[] {
  return settings.json ? [scoreJson(scored, settings)] : tabLines(scored, settings);
}

/** Log probability, tokens, unknown words and the line; then each word on a line that begins with a tab. */
function tabLines(scored: ScoredLine, { base, words }: ScoreSettings): string[] {
  const { logProbs, logProb, unknown, line } = scored, scale = scaleOf(base);
  const columns = [(logProb * scale).toFixed(DIGITS), logProbs.length, countOf(unknown), line];
  if (!words) return [columns.join("\t")];
  const own = scoredWords(scored).map(({ word, logProb, unknown }) =>
    ["", (logProb * scale).toFixed(DIGITS), 1, unknown ? 1 : 0, word].join("\t")
  );
  return [columns.join("\t"), ...own];
}

function scoreJson(scored: ScoredLine, { base, words }: ScoreSettings): string {
  const { logProbs, logProb, unknown, line } = scored, scale = scaleOf(base);
  return JSON.stringify({
    logProb: logProb * scale,
    tokens: logProbs.length,
    unknown: countOf(unknown),
    sentence: line,
    ...(words && {
      words: scoredWords(scored).map((word) => ({ ...word, logProb: word.logProb * scale })),
    }),
  });
}

/** The words and the end of the sentence, with their scores. */
function scoredWords({ words, logProbs, unknown }: ScoredLine) {
  return [...words, END].map((word, i) => {
    return { word, logProb: logProbs[i]!, unknown: unknown[i] ?? false };
  });
}

/** Totals over all sentences. */
export class ScoreSums {
  #sentences = 0;
  #tokens = 0;
  #unknown = 0;
  #logProb = 0;
  /** Of the unknown words. */
  #unknownLogProb = 0;

  /** Number of sentences. */
  get sentences(): number {
    return this.#sentences;
  }

  /** Number of words, without the ends of sentences. */
  get words(): number {
    return this.#tokens - this.#sentences;
  }

  /** How many of them are unknown. */
  get unknown(): number {
    return this.#unknown;
  }

  /** Counts a sentence. */
  add({ logProbs, logProb, unknown }: SentenceScore): void {
    this.#sentences++;
    this.#tokens += logProbs.length;
    this.#logProb += logProb;
    unknown.forEach((isUnknown, i) => {
      if (!isUnknown) return;
      this.#unknown++;
      this.#unknownLogProb += logProbs[i]!;
    });
  }

  /** The totals as text or as an object; perplexity only for scores normalised over all words. */
  lines({ mode, base, json }: ScoreSettings): string[] {
    const [sentences, tokens, unknown] = [this.#sentences, this.#tokens, this.#unknown];
    const logProb = this.#logProb * scaleOf(base), isExact = mode === "exact";
    const ppl = Math.exp(-this.#logProb / tokens);
    const pplKnown = Math.exp((this.#unknownLogProb - this.#logProb) / (tokens - unknown));
    if (json) {
      const exact = isExact && { ppl, ...(unknown > 0 && { pplKnown }) };
      const sums = { sentences, tokens, unknown, logProb, ...exact };
      return [JSON.stringify({ mode: scoringText(mode), base, ...sums })];
    }
    const shown = (value: number) => value.toPrecision(DIGITS + 1);
    const without = unknown > 0 ? `, ${shown(pplKnown)} without the unknown words` : "";
    return [
      labelled(
        "text",
        `${counted(sentences, "sentence")}, ${counted(tokens, "token")} with the ends of ` +
          `sentences, ${counted(unknown, "unknown word")}`,
      ),
      labelled(
        "score",
        `log probability ${logProb.toFixed(DIGITS)} (base ${base}), ` +
          (isExact
            ? `ppl ${shown(ppl)}${without}`
            : `${shown(logProb / tokens)} a token (--mode ${scoringText(mode)}: not a perplexity)`),
      ),
    ];
  }
}

function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function countOf(flags: readonly boolean[]): number {
  return flags.reduce((count, flag) => count + (flag ? 1 : 0), 0);
}

/** The factor that converts natural logarithms to `base`. */
function scaleOf(base: ScoreSettings["base"]): number {
  return base === "e" ? 1 : 1 / Math.log(Number(base));
}
