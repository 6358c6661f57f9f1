/** Unknown words: their number, warnings about them, and texts of nothing else. */

import type { Settings } from "../options/options.ts";
import { UsageError } from "../shared/errors.ts";
import { formatCount, formatPercent } from "../shared/format.ts";
import type { Corpus } from "./corpus.ts";
import { countUnknown, type Sentences } from "./sentences.ts";
import { EOS, UNK } from "./vocab.ts";

/** Fraction of unknown words from which perplexity says more about `<unk>` than about words. */
const MOST = 0.5;

/** A text, or only its test part. */
type KnownTexts =
  & Pick<Corpus, "vocabulary" | "test">
  & Partial<Pick<Corpus, "train" | "valid">>;

/**
 * The number of unknown words in the validation and the test text, as a line; undefined if there are none.
 *
 * @param inTraining Whether to tell of the training text, too, whose words a model need not know.
 */
export function describeUnknown(texts: KnownTexts, inTraining = false): string | undefined {
  const { valid, test } = texts;
  const parts = [...inTraining ? unknownInTraining(texts) : [], ...unknownCounts({ valid, test })];
  if (parts.every(({ unknown }) => unknown === 0)) return undefined;
  return parts.map(({ name, words, unknown }) =>
    `${name} ${formatPercent(unknown, words)} (${formatCount(unknown)} of ` +
    `${formatCount(words)} words)`
  ).join(", ");
}

/** What to do about unknown words. */
export interface UnknownCures {
  /** If `<unk>` is most of a text. */
  readonly most?: string;
  /** If only the training text has none. */
  readonly untrained?: string;
}

/** If the words are those of the model that training starts from. */
export const STARTED_CURES = {
  most: "give a text of the model's own kind by --data",
  untrained: "give training text with words that the model does not know",
} satisfies UnknownCures;

/**
 * Checks that training has a word to learn.
 *
 * @throws {UsageError} If all words of the training text are unknown.
 */
export function checkWords(
  { data, start, vocab, minFreq }: Pick<Settings, "data" | "start" | "vocab" | "minFreq">,
  { vocabulary: { counts } }: Pick<Corpus, "vocabulary">,
): void {
  if (counts.some((count, id) => id > EOS && count > 0)) return;
  const why = start !== null
    ? `the model of --start ${start} knows none of its words; ${STARTED_CURES.most}`
    : vocab !== null
    ? `--vocab ${vocab} has none of its words; give a list of words that are in it`
    : minFreq > 1
    ? `--min-freq ${minFreq} leaves none of its words; give a smaller one`
    : "all its words are <unk>; give a text with words";
  throw new UsageError(`Cannot train on --data ${data}: ${why}`);
}

/** Warnings, one line each, if unknown words make a perplexity too high or too low. */
export function unknownWarnings(
  texts: KnownTexts,
  {
    most = "use more training text, a lower --min-freq or a larger vocabulary (--vocab)",
    untrained = "use --min-freq 2 or a smaller --vocab, so that training contains <unk>",
  }: UnknownCures = {},
): string[] {
  const { vocabulary: { counts }, valid, test } = texts;
  const warnings: string[] = [], unseen = unknownCounts({ valid, test });
  if (counts[UNK] === 0 && unseen.some(({ unknown }) => unknown > 0)) {
    const names = unseen.map(({ name }) => name).join(" or ");
    warnings.push(
      `warning: ${names} has unknown words but training has none: the model cannot learn how likely ` +
        `<unk> is; ${untrained}`,
    );
  }
  const full = [...unknownInTraining(texts), ...unseen].filter(({ words, unknown }) =>
    unknown > MOST * words
  )
    .map(({ name, words, unknown }) => `${formatPercent(unknown, words)} of ${name}`);
  if (full.length > 0) {
    warnings.push(
      `warning: <unk> is ${full.join(", ")}: a low perplexity then means nothing; ${most}`,
    );
  }
  return warnings;
}

/** A warning if most words of a text that a model scores are unknown to it; undefined if not. */
export function spellingWarning(
  model: string,
  text: string,
  { words, unknown }: { readonly words: number; readonly unknown: number },
): string | undefined {
  if (unknown <= MOST * words) return undefined;
  return `warning: ${model} does not know ${
    formatPercent(unknown, words)
  } of the words in ${text}: ` +
    "they have to be written as in its training text, in upper or lower case, too";
}

/** The same of the training text, if there is one. */
function unknownInTraining({ train, vocabulary: { counts } }: KnownTexts) {
  return train ? [{ name: "train", words: train.words, unknown: counts[UNK]! }] : [];
}

/** The words of each part, and how many of them are unknown. */
function unknownCounts(texts: Readonly<Record<string, Sentences | undefined>>) {
  return Object.entries(texts).flatMap(([name, text]) =>
    text === undefined ? [] : [{ name, words: text.words, unknown: countUnknown(text) }]
  );
}
