/** A fixed random part of a text, where scoring all of it would take too long. */

import { Philox } from "../../kernels/random/mod.ts";
import type { Corpus } from "./corpus.ts";
import { type Sentences, SentencesBuilder } from "./sentences.ts";
import { shuffle, upTo } from "./shuffle.ts";

/** Random numbers of the choice, which is the same in all runs. */
const SEED = 1, STREAM = 0x50415254;

/** Whole sentences of at least so many tokens, chosen at random and in their order; all if there are no more. */
export function sampleSentences(text: Sentences, tokens: number): Sentences {
  if (tokens >= text.tokens) return text;
  const order = shuffle(upTo(text.length), new Philox(SEED, STREAM));
  let count = 0;
  for (let sum = 0; sum < tokens; count++) sum += text.at(order[count]!).length - 1;
  const part = new SentencesBuilder();
  for (const i of order.slice(0, count).sort()) part.add(text.at(i).subarray(1, -1));
  return part.build();
}

/** The texts that are scored, or parts of them, and the tokens of the whole ones. */
export type Scored = Partial<Pick<Corpus, "valid" | "wholeTokens">> & Pick<Corpus, "test">;

/** The parts of at least so many tokens of the validation and the test text; all of them if it is null. */
export function scoredParts(
  { valid, test }: Pick<Scored, "valid" | "test">,
  tokens: number | null,
): Scored {
  if (tokens === null) return { ...(valid && { valid }), test };
  return {
    ...(valid && { valid: sampleSentences(valid, tokens) }),
    test: sampleSentences(test, tokens),
    wholeTokens: { valid: valid?.tokens ?? 0, test: test.tokens },
  };
}
