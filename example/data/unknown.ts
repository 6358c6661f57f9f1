/** Unknown words: their number, and warnings about them. */

import type { Corpus } from "./corpus.ts";
import { countUnknown, type Sentences } from "./sentences.ts";
import { formatCount, formatPercent } from "../shared/format.ts";
import { UNK } from "./vocab.ts";

/** Fraction of unknown words from which perplexity says more about `<unk>` than about words. */
const MOST = 0.5;

/** A text, or only its test part. */
type CorpusTexts = Pick<Corpus, "test"> & Partial<Pick<Corpus, "train" | "valid">>;

/** The number of unknown words in the validation and the test text, as a line; undefined if there are none. */
export function describeUnknown({ valid, test }: CorpusTexts): string | undefined {
  const parts = unknownCounts({ valid, test });
  if (parts.every(({ unknown }) => unknown === 0)) return undefined;
  return parts.map(({ name, words, unknown }) =>
    `${name} ${formatPercent(unknown, words)} (${formatCount(unknown)} of ` +
    `${formatCount(words)} words)`
  ).join(", ");
}

/**
 * Warnings, one line each, if unknown words make a perplexity too high or too low.
 *
 * @param cure What to do if `<unk>` is most of a text.
 */
export function unknownWarnings(
  { vocabulary: { counts }, train, valid, test }: CorpusTexts & Pick<Corpus, "vocabulary">,
  cure = "use more training text, a lower --min-freq or a larger vocabulary (--vocab)",
): string[] {
  const warnings: string[] = [], unseen = unknownCounts({ valid, test });
  if (counts[UNK] === 0 && unseen.some(({ unknown }) => unknown > 0)) {
    const names = unseen.map(({ name }) => name).join(" or ");
    warnings.push(
      `warning: ${names} has unknown words but training has none: the model cannot learn how likely ` +
        "<unk> is; use --min-freq 2 or a smaller --vocab, so that training contains <unk>",
    );
  }
  const trained = train ? [{ name: "train", words: train.words, unknown: counts[UNK]! }] : [];
  const full = [...trained, ...unseen].filter(({ words, unknown }) => unknown > MOST * words)
    .map(({ name, words, unknown }) => `${formatPercent(unknown, words)} of ${name}`);
  if (full.length > 0) {
    warnings.push(
      `warning: <unk> is ${full.join(", ")}: a low perplexity then means nothing; ${cure}`,
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

/** The words of each part, and how many of them are unknown. */
function unknownCounts(texts: Readonly<Record<string, Sentences | undefined>>) {
  return Object.entries(texts).flatMap(([name, text]) =>
    text === undefined ? [] : [{ name, words: text.words, unknown: countUnknown(text) }]
  );
}
