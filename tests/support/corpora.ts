/** Texts of the synthetic language in five scripts, with a long tail: tests have words that training lacks. */

import { type SentenceState, SyntheticLanguage } from "../../example/data/language.ts";
import { Philox } from "../../kernels/random/philox.ts";
import { wordsOf } from "./texts.ts";

/** Scripts, and source code. */
export const SCRIPTS = ["latin", "cyrillic", "chinese", "arabic", "code"] as const;
/** One of them. */
export type Script = typeof SCRIPTS[number];

/** The files of a text, and the true probabilities of its test. */
export interface GeneratedText {
  /** Contents by file name. */
  readonly files: Record<string, string>;
  /** Number of words in the training text. */
  readonly words: number;
  /** ln p of each word of the test and of each end of a sentence, with the word, or "" for an end. */
  readonly truth: readonly (readonly [string, number])[];
}

const VOCABULARY = 2000;
const TRAINING_WORDS = 12_000;

/** Letters of the language's words; each script has the same number, in this order. */
const LETTERS = "bdfklmnprstvzaeiou";
const ALPHABETS = {
  latin: "bdfklmnprstvžáeïöu",
  cyrillic: "бдфклмнпрствзаеиоу",
  arabic: "بدفكلمنقرستوزاهيعح",
};
/** Tokens that replace the most frequent words in source code. */
const OPERATORS = (
  "; ( ) = { } , . [ ] + - * / == != => :: < > <= >= && || ! ? : & | ^ ~ % << >> += -= ++ -- -> // # @ $ \\ '"
).split(" ");
/** Names that every JavaScript object inherits. */
const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

/** Makes the same text each time; every script has its own language. */
export function generateText(script: Script): GeneratedText {
  const seed = SCRIPTS.indexOf(script), language = new SyntheticLanguage(VOCABULARY, seed);
  const spelled = wordsOf(language.words).map((word, i) => spell(word, i, script));
  if (new Set(spelled).size < VOCABULARY) {
    throw new Error(`two words are spelled alike in ${script}`);
  }
  const sentences = (part: number, size: number) => {
    const random = new Philox(seed, part), made: number[][] = [];
    for (let words = 0; words < size; words += made.at(-1)!.length) {
      made.push(language.sample(random));
    }
    return made;
  };
  const [train, valid, test] = [
    sentences(1, TRAINING_WORDS),
    sentences(2, TRAINING_WORDS / 10),
    sentences(3, TRAINING_WORDS / 10),
  ];
  const text = (part: readonly number[][]) =>
    part.map((sentence) => sentence.map((word) => spelled[word]).join(" ") + "\n").join("");
  return {
    files: { "train.txt": text(train), "valid.txt": text(valid), "test.txt": text(test) },
    words: train.flat().length,
    truth: test.flatMap((sentence) => truthOf(language, sentence, spelled)),
  };
}

function spell(word: string, number: number, script: Script): string {
  switch (script) {
    case "chinese":
      return word.match(/../g)!.map((syllable) => {
        const [consonant, vowel] = [...syllable].map((letter) => LETTERS.indexOf(letter));
        return String.fromCodePoint(0x4e00 + 997 * consonant! + 61 * vowel!);
      }).join("");
    case "code": {
      const named = number - OPERATORS.length;
      if (named < 0) return OPERATORS[number]!;
      if (named < NAMES.length) return NAMES[named]!;
      const capital = word[0]!.toUpperCase() + word.slice(1);
      return [
        `get${capital}`,
        `${word}_${number % 7}`,
        `0x${number.toString(16)}`,
        `"${word}"`,
      ][number % 4]!;
    }
    default:
      return [...word].map((letter) => [...ALPHABETS[script]][LETTERS.indexOf(letter)]).join("");
  }
}

function truthOf(
  language: SyntheticLanguage,
  sentence: readonly number[],
  spelled: readonly string[],
): [string, number][] {
  const state: SentenceState = language.start();
  const words = sentence.map((word): [string, number] => {
    const logProb = Math.log(language.wordProbability(state, word));
    language.advance(state, word);
    return [spelled[word]!, logProb];
  });
  return [...words, ["", Math.log(language.endProbability(state))]];
}
