/** Unknown words: their number, and warnings about them. */

import type { Corpus } from "./corpus.ts";
import { countUnknown, type Sentences } from "./sentences.ts";
import { formatCount } from "../shared/progress.ts";
import { UNK } from "./vocab.ts";

/** Fraction of unknown words from which perplexity says more about `<unk>` than about words. */
const MOST = 0.5;

/** A text, or only its test part. */
type Texts = Pick<Corpus, "test"> & Partial<Pick<Corpus, "train" | "valid">>;

/** The number of unknown words in the validation and the test text, as a line; undefined if there are none. */
export function describeUnknown({ valid, test }: Texts): string | undefined {
  const parts = textsOf({ valid, test });
  if (parts.every(([, text]) => countUnknown(text) === 0)) return undefined;
  return parts.map(([name, text]) => {
    const unknown = countUnknown(text);
    return `${name} ${percent(text)} (${formatCount(unknown)} of ${formatCount(text.words)} words)`;
  }).join(", ");
}

/** Warnings, one line each, if unknown words make a perplexity too high or too low. */
export function unknownWarnings(
  { vocabulary, train, valid, test }: Texts & Pick<Corpus, "vocabulary">,
): string[] {
  const warnings: string[] = [], unseen = textsOf({ valid, test });
  if (vocabulary.counts[UNK] === 0 && unseen.some(([, text]) => countUnknown(text) > 0)) {
    const names = unseen.map(([name]) => name).join(" or ");
    warnings.push(
      `warning: ${names} has unknown words but training has none: the model cannot learn how likely ` +
        "<unk> is; --min-freq 2, or a vocabulary without rare words (--vocab), lets it",
    );
  }
  const full = textsOf({ train, valid, test })
    .filter(([, text]) => countUnknown(text) > MOST * text.words)
    .map(([name, text]) => `${percent(text)} of ${name}`);
  if (full.length > 0) {
    warnings.push(
      `warning: <unk> is ${full.join(", ")}: a low perplexity then means nothing; use more ` +
        "training text, a lower --min-freq or a larger vocabulary (--vocab)",
    );
  }
  return warnings;
}

function textsOf(texts: Readonly<Record<string, Sentences | undefined>>): [string, Sentences][] {
  return Object.entries(texts).flatMap(([name, text]) => text === undefined ? [] : [[name, text]]);
}

/** Two significant digits, so that even a small fraction is not shown as 0. */
function percent(text: Sentences): string {
  return `${Number((100 * countUnknown(text) / text.words).toPrecision(2))} %`;
}
