/** Words that the vocabulary does not know: how many there are, and what to warn of. */

import type { Corpus } from "./corpus.ts";
import { countUnknown, type Sentences } from "./sentences.ts";
import { formatCount } from "../shared/progress.ts";
import { UNK } from "./vocab.ts";

/** The part of a text from which a perplexity says more of `<unk>` than of words. */
const MOST = 0.5;

/** A text, or its test alone. */
type Texts = Pick<Corpus, "test"> & Partial<Pick<Corpus, "train" | "valid">>;

/** How many words of the validation and the test text are unknown; undefined if none is. */
export function describeUnknown({ valid, test }: Texts): string | undefined {
  const parts = textsOf({ valid, test });
  if (parts.every(([, text]) => countUnknown(text) === 0)) return undefined;
  return parts.map(([name, text]) => {
    const unknown = countUnknown(text);
    return `${name} ${percent(text)} (${formatCount(unknown)} of ${formatCount(text.words)} words)`;
  }).join(", ");
}

/** Warnings, a line each, if unknown words make a perplexity worse or better than it should be. */
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

/** Two significant digits: also few unknown words of many are told. */
function percent(text: Sentences): string {
  return `${Number((100 * countUnknown(text) / text.words).toPrecision(2))} %`;
}
