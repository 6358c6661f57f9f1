/** Text as ids: training, validation and test sentences, and the vocabulary of the training text. */

import { basename } from "@std/path";
import { Failure, reasonOf, UsageError } from "../shared/errors.ts";
import { checkFile } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { readLines } from "./lines.ts";
import { Bar, formatCount } from "../shared/progress.ts";
import { isSynthetic } from "../options/settings.ts";
import { parseSynthetic, synthesize, synthesizeTest } from "./synthetic.ts";
import { type Sentences, SentencesBuilder } from "./sentences.ts";
import { UNK, Vocabulary, WordCounts } from "./vocab.ts";
import { readVocabularyFile, splitWords, withoutMarks } from "./words.ts";

/** The source of the text, and the words to keep. */
export interface CorpusOptions {
  /** A folder with train.txt, valid.txt and test.txt, or `synthetic[:words=...,vocab=...,seed=...]`. */
  readonly data: string;
  /** Path of a vocabulary file ({@linkcode readVocabularyFile}), or `null`. */
  readonly vocab?: string | null;
  /** The fewest occurrences of a word that is kept. */
  readonly minFreq?: number;
}

/** A text in three parts, by the ids of its vocabulary. */
export interface Corpus {
  /** The words of the training text. */
  readonly vocabulary: Vocabulary;
  /** Sentences that the model learns from. */
  readonly train: Sentences;
  /** Sentences that training is monitored on. */
  readonly valid: Sentences;
  /** Sentences that the result is measured on. */
  readonly test: Sentences;
  /** The words of the training text, for `freq.txt`. */
  readonly occurrences: WordCounts;
  /** Remarks about the files for the user, one line each. */
  readonly notes: readonly string[];
  /** Perplexity of the true distribution on the validation text, if known. */
  readonly bestValidPerplexity?: number;
  /** Perplexity of the true distribution on the test text, if known: no model can expect less. */
  readonly bestTestPerplexity?: number;
}

/**
 * Reads a folder of text, or generates the synthetic text.
 *
 * @param io Shows the progress of reading.
 * @throws {UsageError} If a file is missing or the specification is wrong.
 * @throws {Failure} If a file has no words or is not UTF-8, or the vocabulary file is unusable.
 */
export function loadCorpus({ data, vocab = null, minFreq = 1 }: CorpusOptions, io?: Io): Corpus {
  if (isSynthetic(data)) {
    const options = parseSynthetic(data);
    if (vocab === null && minFreq === 1) return { ...synthesize(options), notes: [] };
    const option = vocab === null ? "--min-freq" : "--vocab";
    throw new UsageError(`${option} has no use with synthetic text, which has its own vocabulary`);
  }
  checkFolder(data);
  const path = (part: string) => partPath(data, part);
  for (const part of ["train", "valid", "test"]) checkFile(path(part));
  const words = vocab === null ? {} : { words: readVocabularyFile(vocab) };
  const watch: Watch = { notes: [], ...(io && { io }) };
  const training = readTraining(path("train"), { minFreq, ...words }, watch);
  const valid = readSentences(path("valid"), training.vocabulary, watch);
  const test = readSentences(path("test"), training.vocabulary, watch);
  return { ...training, valid, test, notes: watch.notes };
}

/** A test text. */
export type TestText = Pick<Corpus, "vocabulary" | "test" | "notes" | "bestTestPerplexity">;

/**
 * Reads the test text of a folder, or generates the synthetic one, as ids of a model's vocabulary; other
 * words are unknown. No other file is needed.
 *
 * @throws {UsageError} If there is no test.txt, or the specification is wrong.
 * @throws {Failure} If it has no words or is not UTF-8.
 */
export function loadTestText(data: string, vocabulary: Vocabulary, io?: Io): TestText {
  if (isSynthetic(data)) {
    const { sentences, bestTestPerplexity } = synthesizeTest(parseSynthetic(data));
    const builder = new SentencesBuilder();
    for (const words of sentences) builder.add(vocabulary.encode(words));
    return { vocabulary, test: builder.build(), notes: [], bestTestPerplexity };
  }
  checkFolder(data);
  const path = partPath(data, "test"), watch: Watch = { notes: [], ...(io && { io }) };
  checkFile(path);
  const test = readSentences(path, vocabulary, watch);
  return { vocabulary, test, notes: watch.notes };
}

/** Observers of reading. */
export interface Watch {
  /** Receives remarks for the user, one line each. */
  readonly notes: string[];
  /** Shows the progress of reading. */
  readonly io?: Io;
}

/**
 * Reads a file, one sentence per line, as ids of `vocabulary`. An empty line is a sentence without
 * words.
 *
 * @throws {UsageError} If the file does not exist.
 * @throws {Failure} If it has no words or is not UTF-8.
 */
export function readSentences(
  path: string,
  vocabulary: Vocabulary,
  watch: Watch = { notes: [] },
): Sentences {
  const builder = new SentencesBuilder();
  for (const words of readLinesOfWords(path, watch)) builder.add(vocabulary.encode(words));
  return checkWords(builder.build(), path);
}

/** Reads the training text in one pass: ids are in order of appearance first, then renumbered by the vocabulary. */
function readTraining(
  path: string,
  options: { minFreq: number; words?: string[] },
  watch: Watch,
): Pick<Corpus, "train" | "vocabulary" | "occurrences"> {
  const occurrences = new WordCounts(), seen = new Map<string, number>();
  const builder = new SentencesBuilder();
  for (const words of readLinesOfWords(path, watch)) {
    occurrences.add(words);
    builder.add(words.map((word) => {
      let id = seen.get(word);
      if (id === undefined) seen.set(word, id = seen.size);
      return id;
    }));
  }
  const vocabulary = Vocabulary.fromCounts(occurrences, options);
  const ids = Uint32Array.from(seen.keys(), (word) => vocabulary.id(word));
  const train = checkWords(builder.build((id) => ids[id] ?? UNK), path);
  return { train, vocabulary, occurrences };
}

/** The words of each line, without the marks at its ends; `notes` gets the number of lines with marks. */
function* readLinesOfWords(
  path: string,
  { notes, io }: Watch,
): Generator<readonly string[]> {
  const name = basename(path);
  using bar = io && new Bar(io, `reading ${name}`, Deno.statSync(path).size);
  let marked = 0;
  for (const line of readLines(path, (bytes) => bar?.step(bytes))) {
    const all = splitWords(line), words = withoutMarks(all);
    if (words.length < all.length) marked++;
    yield words;
  }
  if (marked === 0) return;
  const lines = marked === 1
    ? "1 line carries <s> or </s> at its ends"
    : `${formatCount(marked)} lines carry <s> or </s> at their ends`;
  notes.push(`${name}: ${lines}; they are taken as the marks of the sentence`);
}

/** The path of a part (`train`, `valid` or `test`) of the text in `folder`. */
export function partPath(folder: string, part: string): string {
  return `${folder.replace(/\/+$/, "") || "/"}/${part}.txt`;
}

function checkWords(sentences: Sentences, path: string): Sentences {
  if (sentences.words > 0) return sentences;
  throw new Failure(`Cannot use ${path}: it has no words; write a sentence a line`);
}

/**
 * Checks that the folder of a text exists.
 *
 * @throws {UsageError} If there is no such folder.
 */
export function checkFolder(path: string): void {
  let isFolder = false;
  try {
    isFolder = Deno.statSync(path).isDirectory;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      throw new UsageError(
        `Cannot read --data ${path}: there is no such folder; give one with train.txt, valid.txt and ` +
          "test.txt",
        { cause },
      );
    }
    throw new Failure(`Cannot read --data ${path}: ${reasonOf(cause)}`, { cause });
  }
  if (isFolder) return;
  throw new UsageError(`Cannot read --data ${path}: it is a file; name the folder it is in`);
}
