/** The words of a text: how many are unknown, how many it takes to cover the text, how often they come. */

import type { Corpus } from "../data/corpus.ts";
import { countUnknown, type Sentences } from "../data/sentences.ts";
import { describeUnknown, STARTED_CURES, unknownWarnings } from "../data/unknown.ts";
import { EOS, UNK } from "../data/vocab.ts";
import { formatCount, formatPercent } from "../shared/format.ts";
import { type Finding, finding, warned } from "./finding.ts";

/** Sizes of a vocabulary for which the coverage is told. */
const SIZES = [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
/** Part of unknown words from which a perplexity is hard to compare. */
const MANY_UNKNOWN = 0.1;
/** Tokens from which on two perplexities can be told apart by about 2 %. */
const FEW_TOKENS = 5000;
/** Standard deviation of a token's ln p in a usual language model, in nats. */
const TOKEN_DEVIATION = 3;

/** What is worth knowing of the words, after the text is read; `isStarted` if they are those of a model. */
export function vocabularyFindings(corpus: Corpus, isStarted = false): Finding[] {
  const cures = isStarted ? STARTED_CURES : {};
  const warnings = unknownWarnings(corpus, cures).map((line) =>
    warned("data", "unknown words", line)
  );
  const facts = [textSizeFact(corpus), coverageFact(corpus), rareFact(corpus, isStarted)];
  return [...facts, ...warnings.length > 0 ? warnings : [unknownFact(corpus, isStarted)]];
}

function textSizeFact({ train, valid, test, vocabulary }: Corpus): Finding {
  const fewest = Math.min(valid.tokens, test.tokens);
  const error = TOKEN_DEVIATION / Math.sqrt(fewest);
  return finding("data", "size", {
    text: `${[train, valid, test].map(({ words }) => formatCount(words)).join(" / ")} words to ` +
      `train, validate and test on; vocabulary ${formatCount(vocabulary.size)}`,
    cure: fewest < FEW_TOKENS &&
      `take perplexities that differ by less than ${
          formatPercent(error)
        } for equal, or give more ` +
        "text to validate and test on",
    figures: {
      train: train.words,
      valid: valid.words,
      test: test.words,
      vocabulary: vocabulary.size,
    },
  });
}

function unknownFact(corpus: Corpus, isStarted: boolean): Finding {
  const { valid, test } = corpus, rate = (text: Sentences) => countUnknown(text) / text.words;
  const most = Math.max(rate(valid), rate(test));
  return finding("data", "unknown words", {
    text: describeUnknown(corpus, isStarted) ?? "none in valid and test",
    cure: most > MANY_UNKNOWN &&
      (isStarted
        ? STARTED_CURES.most
        : "a lower --min-freq, a larger vocabulary (--vocab) or more training text"),
    figures: { valid: rate(valid), test: rate(test) },
  });
}

/** The part of the validation text that the most frequent words of training make up, by their number. */
export function coverage({ vocabulary, valid }: Pick<Corpus, "vocabulary" | "valid">): {
  readonly size: number;
  readonly part: number;
}[] {
  const { counts } = vocabulary, times = new Float64Array(counts.length);
  for (const id of valid.ids) times[id]!++;
  const order = [...counts.keys()].filter((id) => id > EOS).sort((a, b) => counts[b]! - counts[a]!);
  const sizes = [...SIZES.filter((size) => size < order.length), order.length];
  let covered = 0, next = 0;
  return sizes.map((size) => {
    while (next < size) covered += times[order[next++]!]!;
    return { size, part: covered / valid.words };
  });
}

function coverageFact(corpus: Corpus): Finding {
  const parts = coverage(corpus);
  return finding("data", "coverage", {
    text: "of valid by the most frequent words: " +
      parts.map(({ size, part }) => `${formatPercent(part)} by ${formatCount(size)}`).join(", "),
    figures: Object.fromEntries(parts.map(({ size, part }) => [String(size), part])),
  });
}

/** Words that come once, and those of a vocabulary file or a model that never come. */
function rareFact({ vocabulary: { counts } }: Corpus, isStarted: boolean): Finding {
  const words = counts.slice(EOS + 1),
    of = (times: number) => words.filter((count) => count === times).length;
  const [never, once] = [of(0), of(1)];
  return finding("data", "rare words", {
    text:
      `of ${formatCount(words.length)} words ${formatCount(once)} (${
        formatPercent(once, words.length)
      }) come once in train` + (never > 0 ? `, ${formatCount(never)} never` : ""),
    cure: isStarted
      ? undefined // the words are the model's
      : never > words.length / 2
      ? "more training text, or a vocabulary of the words that are in it"
      : once > words.length / 2 && counts[UNK] === 0
      ? "--min-freq 2 leaves them to <unk>, which can be learned"
      : undefined,
    figures: { once, never },
  });
}
