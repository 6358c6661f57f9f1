/** What `deno task bench:quality` trains: texts, losses, and for how long. */

import { parseArgs } from "node:util";
import { loadCorpus } from "../example/data/corpus.ts";
import { Sentences } from "../example/data/sentences.ts";
import { parseSynthetic, synthesize } from "../example/data/synthetic.ts";
import type { Given } from "../example/options/option.ts";
import { parseSettings } from "../example/options/settings.ts";
import { Failure, reasonOf } from "../example/shared/errors.ts";
import type { TrainingText } from "./learning.ts";
import { expectOnce, positive } from "./program.ts";

/** The losses by name; a number is k. */
export const LOSSES: Readonly<Record<string, Given>> = {
  "full": { loss: "full" },
  "nce-50": { "loss": "nce", "noise-ratio": "50" },
  "nce-500": { "loss": "nce", "noise-ratio": "500" },
  "per-word-50": { "loss": "nce", "noise-ratio": "50", "per-word": true },
  "batch": { "loss": "nce", "noise": "batch" },
  "batch+unigram-50": { "loss": "nce", "noise": "batch+unigram", "noise-ratio": "50" },
  "sampled-50": sampled("50"),
  "sampled-500": sampled("500"),
  // The others are trained if they are named.
  "batch+unigram-500": { "loss": "nce", "noise": "batch+unigram", "noise-ratio": "500" },
  "per-word-500": { "loss": "nce", "noise-ratio": "500", "per-word": true },
  "mix-batch+unigram-50": { "loss": "mix", "noise": "batch+unigram", "noise-ratio": "50" },
  "sampled-batch+unigram-50": { "loss": "sampled", "noise": "batch+unigram", "noise-ratio": "50" },
};

/** Options of `--from`. */
const SHOWN: readonly string[] = ["from", "losses", "svg"];
const USUAL = Object.keys(LOSSES).slice(0, 8);

/** Unique samples without hits, as docs/nce.md advises. */
function sampled(k: string): Given {
  return { "loss": "sampled", "noise-ratio": k, "unique": true, "remove-hits": true };
}

/** What to do, as the command line says. */
export interface Plan {
  /** Sizes V of the made-up language. */
  readonly sizes: readonly number[];
  /** A folder with train.txt, valid.txt and test.txt, instead. */
  readonly data: string | undefined;
  /** Names of {@linkcode LOSSES}; with `from`, those to show, all of the file if there are none. */
  readonly losses: readonly string[];
  /** Words of the made-up training text; by the size unless given. */
  readonly words: number | undefined;
  /** Passes over the training text. */
  readonly epochs: number;
  /** Most seconds of training of a run; by the adapter unless given. */
  readonly seconds: number | undefined;
  /** The learning rate; `"auto"` tries several on a fifth of the budget. */
  readonly lr: number | "auto";
  /** Random seeds of the models, of their noise and of the order, not of the text; the program's unless given. */
  readonly seeds: readonly string[];
  /** Print JSON lines. */
  readonly json: boolean;
  /** Folder for charts. */
  readonly svg: string | undefined;
  /** A file of JSON lines from before, to show instead of training. */
  readonly from: string | undefined;
}

/**
 * Reads the command line.
 *
 * @throws {Failure} If an argument is wrong.
 * @throws {UsageError} If a size or a seed is.
 */
export function readPlan(words: readonly string[]): Plan {
  const { values, positionals: sizes } = parse(words);
  const { data, svg, from, seed, json = false } = values;
  const losses = values.losses?.split(",") ?? (from === undefined ? USUAL : []);
  const unknown = losses.find((name) => !Object.hasOwn(LOSSES, name));
  if (unknown !== undefined) {
    throw new Failure(`Unknown loss ${unknown}: there are ${Object.keys(LOSSES).join(", ")}`);
  }
  if (data !== undefined && sizes.length > 0) {
    throw new Failure(`${sizes[0]} is a size of the made-up language: leave it or --data out`);
  }
  if (from !== undefined) expectOnlyShown(values, sizes);
  const read = sizes.map(readSize), seeds = seed?.split(",").map(readSeed) ?? [readSeed()];
  expectOnce([...losses, ...read.map(String), ...seeds.map((seed) => `--seed ${seed}`)]);
  const number = (name: "words" | "epochs" | "seconds" | "lr") => {
    const text = values[name];
    return text === undefined ? undefined : positive(text, `--${name}`, NaN);
  };
  return {
    sizes: read.length === 0 ? USUAL_SIZES : read,
    data,
    losses,
    words: number("words"),
    epochs: number("epochs") ?? 1,
    seconds: number("seconds"),
    lr: values.lr === "auto" ? "auto" : number("lr") ?? "auto",
    seeds,
    json,
    svg,
    from,
  };
}

/** Refuses with `--from` what only training heeds. */
function expectOnlyShown(
  values: Readonly<Record<string, unknown>>,
  sizes: readonly string[],
): void {
  const [other] = Object.keys(values).filter((name) => !SHOWN.includes(name));
  const extra = sizes[0] ?? (other && `--${other}`);
  if (extra === undefined) return;
  throw new Failure(`--from shows results as they are: leave out ${extra}`);
}

/** V, as for `--data synthetic`. */
function readSize(word: string): number {
  return parseSynthetic(`synthetic:vocab=${word}`).vocab;
}

/** The seed as the program reads it, its default if none is given. */
function readSeed(seed?: string): string {
  return String(parseSettings({ train: true, seed }).seed);
}

function parse(words: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    const { tokens, ...parsed } = parseArgs({
      args: [...words],
      tokens: true,
      allowPositionals: true,
      options: {
        data: text,
        losses: text,
        words: text,
        epochs: text,
        seconds: text,
        lr: text,
        seed: text,
        json: { type: "boolean" },
        svg: text,
        from: text,
      },
    });
    expectOnce(tokens.flatMap((token) => token.kind === "option" ? [`--${token.name}`] : []));
    return parsed;
  } catch (error) {
    throw new Failure(reasonOf(error), { cause: error });
  }
}

const USUAL_SIZES: readonly number[] = [1000, 10_000, 100_000];

/** Differences between a GPU and a software adapter; words of text are by size. */
const MACHINES = {
  hardware: {
    words: (vocab: number) => vocab < 5000 ? 400_000 : vocab < 50_000 ? 800_000 : 1_200_000,
    testWords: 20_000,
    seconds: 60,
    given: { "emsize": "200", "nhid": "200", "batch-size": "40" },
  },
  software: {
    words: () => 300_000,
    testWords: 4000,
    seconds: 30,
    given: { "emsize": "64", "nhid": "64" },
  },
} as const;

/** A text to learn, and the model for it. */
export interface Task extends TrainingText {
  readonly name: string;
  /** For the choice of the learning rate. */
  readonly valid: Sentences;
  /** For all figures. */
  readonly test: Sentences;
  /** Perplexity of the true probabilities on `test`, if known. */
  readonly best: number | null;
  /** Options of the model. */
  readonly given: Given;
  /** Most seconds of training. */
  readonly seconds: number;
}

/** Makes the texts one after the other. */
export async function* tasksOf(plan: Plan, software: boolean): AsyncGenerator<Task> {
  const machine = MACHINES[software ? "software" : "hardware"], { testWords } = machine;
  const { data, sizes, words, seconds = machine.seconds } = plan;
  if (data !== undefined) {
    const { train, vocabulary, ...others } = await loadCorpus({ data });
    const some = (text: Sentences) => software ? firstSentences(text, testWords) : text;
    const valid = some(others.valid), test = some(others.test);
    return yield { name: data, train, vocabulary, valid, test, best: null, given: {}, seconds };
  }
  const given = { ...machine.given, nlayers: "1", dropout: "0" }; // one pass: nothing to overfit
  for (const vocab of sizes) {
    const text = synthesize({ words: words ?? machine.words(vocab), vocab, seed: 1, testWords });
    const name = `V = ${vocab.toLocaleString("en")}`;
    yield { ...text, name, best: text.bestTestPerplexity, given, seconds };
  }
}

/** The first sentences, of at least so many tokens. */
function firstSentences({ ids, offsets }: Sentences, tokens: number): Sentences {
  const end = offsets.findIndex((offset) => offset >= tokens);
  const kept = end < 0 ? offsets : offsets.subarray(0, end + 1);
  return new Sentences(ids.subarray(0, kept.at(-1)! + 1), kept);
}
