/** Text as ids: training, validation and test sentences, and the vocabulary of the training text. */

import { isSynthetic } from "../options/choices.ts";
import type { Settings } from "../options/options.ts";
import { UsageError } from "../shared/errors.ts";
import { infoOf } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { memoryShare } from "../shared/memory.ts";
import { Bar } from "../shared/progress.ts";
import { LargeText } from "./large_text.ts";
import { countUnknown, type Sentences, SentencesBuilder } from "./sentences.ts";
import { parseSynthetic, synthesize, synthesizeTest, type SyntheticOptions } from "./synthetic.ts";
import { filesOf, type ReadingWatch, readWords, withoutWords } from "./text_files.ts";
import { readText, type TextSizes } from "./training_text.ts";
import { idsOf, Vocabulary } from "./vocab.ts";
import type { WordCounts } from "./word_counts.ts";
import type { WordTable } from "./word_table.ts";
import { readVocabularyFile } from "./words.ts";

/** The source of the text, the words to keep, and the memory for training text, as on the command line. */
export type CorpusOptions =
  & Pick<Settings, "data">
  & Partial<Pick<Settings, "vocab" | "minFreq" | "corpusMemory">>
  & {
    /** The words of a model, which is to know no others. */
    readonly words?: WordTable | undefined;
  };

/** A text in three parts, by the ids of its vocabulary. */
export interface Corpus {
  /** The words of the training text. */
  readonly vocabulary: Vocabulary;
  /** Sentences that the model learns from, in memory if they fit. */
  readonly train: Sentences | LargeText;
  /** Sentences that training is monitored on. */
  readonly valid: Sentences;
  /** Sentences that the result is measured on. */
  readonly test: Sentences;
  /** The words of the training text, for `freq.txt`. */
  readonly occurrences: WordCounts;
  /** Tokens of the whole texts, if `valid` and `test` are only parts. */
  readonly wholeTokens?: { readonly valid: number; readonly test: number };
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
 * @param sizes Sizes of what is kept, for tests.
 * @throws {UsageError} If a file is missing or the specification is wrong.
 * @throws {Failure} If a file has no words or is not UTF-8, or the vocabulary file is unusable.
 */
export async function loadCorpus(
  { data, vocab = null, minFreq = 1, corpusMemory = null, words }: CorpusOptions,
  io?: Io,
  sizes?: TextSizes,
): Promise<Corpus> {
  if (isSynthetic(data)) {
    const options = parseSynthetic(data);
    if (vocab === null && minFreq === 1) return madeUp(options, words);
    const option = vocab === null ? "--min-freq" : "--vocab";
    throw new UsageError(`${option} has no use with synthetic text, which has its own vocabulary`);
  }
  checkFolder(data);
  const watch: ReadingWatch = { notes: [], io };
  const [train = [], valid = [], test = []] = ["train", "valid", "test"].map((part) =>
    filesOf(data, part, watch.notes)
  );
  const kept = words ?? (vocab === null ? undefined : await readVocabularyFile(vocab));
  using opened = new DisposableStack();
  const ids = opened.use(await readText(data, train, watch, sizes)), { counts } = ids;
  const vocabulary = Vocabulary.fromCounts(counts, { minFreq, ...(kept && { words: kept }) });
  const memory = corpusMemory === null ? memoryShare() : corpusMemory * 1e9;
  const large = new LargeText(ids, idsOf(counts, vocabulary.table), memory);
  const corpus = {
    vocabulary,
    train: large.fits ? readAll(large, io) : large,
    occurrences: counts,
    valid: await readSentences(valid, vocabulary, watch),
    test: await readSentences(test, vocabulary, watch),
    notes: watch.notes,
  };
  // A text beyond memory is read as long as the process runs.
  if (corpus.train === large) opened.move();
  return corpus;
}

/** A text of the made-up language. */
function madeUp(options: SyntheticOptions, words: WordTable | undefined): Corpus {
  const made = { ...synthesize(options, words), notes: [] };
  if (countUnknown(made.valid) + countUnknown(made.test) === 0) return made;
  // A model that lacks words of the language does not predict them, but <unk>.
  const { bestValidPerplexity: _, bestTestPerplexity: __, ...others } = made;
  return others;
}

function readAll(text: LargeText, io: Io | undefined): Sentences {
  using bar = io && new Bar(io, "reading words", text.tokens);
  return text.read(text.blocks.map((_, i) => i), (tokens) => bar?.step(tokens));
}

/** A test text. */
export type TestText = Pick<
  Corpus,
  "vocabulary" | "test" | "wholeTokens" | "notes" | "bestTestPerplexity"
>;

/**
 * Reads the test text of a folder, or generates the synthetic one, as ids of a model's vocabulary; other
 * words are unknown. No other file is needed.
 *
 * @throws {UsageError} If there is no test.txt, or the specification is wrong.
 * @throws {Failure} If it has no words or is not UTF-8.
 */
export async function loadTestText(
  data: string,
  vocabulary: Vocabulary,
  io?: Io,
): Promise<TestText> {
  if (isSynthetic(data)) {
    const { sentences, bestTestPerplexity } = synthesizeTest(parseSynthetic(data));
    const builder = new SentencesBuilder();
    for (const words of sentences) builder.add(vocabulary.encode(words));
    const test = builder.build();
    // A model that lacks words of the language does not predict them, but <unk>.
    const best = countUnknown(test) === 0 && { bestTestPerplexity };
    return { vocabulary, test, notes: [], ...best };
  }
  checkFolder(data);
  const watch: ReadingWatch = { notes: [], io };
  const test = await readSentences(filesOf(data, "test", watch.notes), vocabulary, watch);
  return { vocabulary, test, notes: watch.notes };
}

/** Reads files, one sentence per line, as ids of `vocabulary`. An empty line is a sentence without words. */
async function readSentences(
  files: readonly string[],
  vocabulary: Vocabulary,
  watch: ReadingWatch,
): Promise<Sentences> {
  const builder = new SentencesBuilder();
  await readWords(files, watch, (words) => builder.addLine(words, vocabulary));
  const sentences = builder.build();
  if (sentences.words === 0) throw withoutWords(files);
  return sentences;
}

/**
 * Checks that the folder of a text exists.
 *
 * @throws {UsageError} If there is no such folder.
 */
export function checkFolder(path: string): void {
  const name = `--data ${path}`, info = infoOf(path, name);
  if (info === undefined) {
    throw new UsageError(
      `Cannot read ${name}: there is no such folder; give one with train.txt, valid.txt and test.txt`,
    );
  }
  if (info.isDirectory) return;
  throw new UsageError(`Cannot read ${name}: it is a file; name the folder it is in`);
}
