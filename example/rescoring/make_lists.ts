/** N-best lists of the synthetic language, heard through a noisy channel; the optimum is known. */

import { Philox } from "../../kernels/random/mod.ts";
import { SyntheticLanguage } from "../data/language.ts";
import { generateText, type SyntheticOptions } from "../data/synthetic.ts";
import type { MAKE_NBEST } from "../options/make_nbest.ts";
import type { SettingsOf } from "../options/option.ts";
import { Bigram } from "./bigram.ts";
import { Channel } from "./channel.ts";
import { decode, SUCCESSORS } from "./decode.ts";
import type { NBestList } from "./nbest.ts";

/** Random streams, separate from those of the language's texts. */
const STREAM = { sounds: 0x4e424500, words: 0x4e424501, bigram: 0x4e424502, heard: 0x4e424503 };
/** Lower bound of the language's probabilities, so that all logarithms are finite. */
const LEAST = 1e-300;

/** The options that lists depend on; `words` is the size of the text that the recogniser's bigram has seen. */
export type ListOptions =
  & Pick<SettingsOf<typeof MAKE_NBEST>, "lists" | "size" | "noise" | "seed">
  & { readonly language: SyntheticOptions };

/** The names of `count` utterances. */
export function listIds(count: number): string[] {
  const digits = String(count).length;
  return Array.from({ length: count }, (_, i) => `utt${String(i + 1).padStart(digits, "0")}`);
}

/** Generates the lists one by one; they are a function of the options. */
export function* makeLists(options: ListOptions): Generator<NBestList> {
  const { language: { words, vocab, seed: own }, lists, size, noise, seed } = options;
  const language = new SyntheticLanguage(vocab, own);
  const text = generateText(language, words, new Philox(own, STREAM.bigram));
  const bigram = new Bigram(text, vocab, SUCCESSORS);
  const channel = new Channel(vocab, noise, new Philox(own, STREAM.sounds));
  const speaker = new Philox(seed, STREAM.words), air = new Philox(seed, STREAM.heard);
  const spell = (sentence: readonly number[]) => sentence.map((word) => language.words.text(word));
  for (const id of listIds(lists)) {
    const sentence = language.sample(speaker), heard = channel.speak(sentence, air);
    yield {
      id,
      reference: spell(sentence),
      hypotheses: decode(heard, channel, bigram, { vocab, size }).map((hypothesis) => ({
        words: spell(hypothesis),
        acoustic: channel.logLikelihood(heard, hypothesis),
        lm: [...hypothesis, vocab]
          .reduce((sum, word, i) => sum + bigram.logProb(hypothesis[i - 1] ?? vocab, word), 0),
        truth: trueLogProb(language, hypothesis),
      })),
    };
  }
}

/** The log probability of a sentence of the language. */
function trueLogProb(language: SyntheticLanguage, words: readonly number[]): number {
  return language.probabilities(words).reduce((sum, p) => sum + Math.log(Math.max(LEAST, p)), 0);
}
