/** What `deno task bench:quality` trains: texts, losses, and for how long. */

import { parseArgs } from "node:util";
import { loadCorpus } from "../example/data/corpus.ts";
import type { Sentences } from "../example/data/sentences.ts";
import { synthesize } from "../example/data/synthetic.ts";
import type { Given } from "../example/options/settings.ts";
import { Failure } from "../example/shared/errors.ts";
import type { TrainingText } from "./learning.ts";
import { positive } from "./program.ts";

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

const USUAL = Object.keys(LOSSES).slice(0, 8);

/** Unique samples without hits, as docs/nce.md advises. */
function sampled(k: string): Given {
  return { "loss": "sampled", "noise-ratio": k, "unique": true, "remove-hits": true };
}

/** What to do, as the command line says. */
export interface Plan {
  /** Sizes V of the made-up language; none with a folder. */
  readonly sizes: readonly number[];
  /** A folder with train.txt, valid.txt and test.txt. */
  readonly data?: string;
  /** Names of {@linkcode LOSSES}. */
  readonly losses: readonly string[];
  /** Words of the made-up training text; by size unless given. */
  readonly words?: number;
  /** Passes over the training text. */
  readonly epochs: number;
  /** Most seconds of training of a run; by the adapter unless given. */
  readonly seconds?: number;
  /** The learning rate; `"auto"` tries several on a tenth of the budget. */
  readonly lr: number | "auto";
  /** Print JSON lines. */
  readonly json: boolean;
  /** Folder for charts. */
  readonly svg?: string;
  /** A file of JSON lines from before, to show instead of training. */
  readonly from?: string;
}

/**
 * Reads the command line.
 *
 * @throws {Failure} If an argument is wrong.
 */
export function readPlan(words: readonly string[]): Plan {
  const { values, positionals } = parse(words);
  const { data, svg, from, json = false } = values;
  const losses = values.losses?.split(",") ?? USUAL;
  const unknown = losses.find((name) => !Object.hasOwn(LOSSES, name));
  if (unknown !== undefined) {
    throw new Failure(`Unknown loss ${unknown}: there are ${Object.keys(LOSSES).join(", ")}`);
  }
  const given = <const N extends "words" | "seconds">(name: N) =>
    values[name] === undefined ? {} : { [name]: positive(values[name], `--${name}`, NaN) };
  if (data !== undefined && positionals.length > 0) {
    throw new Failure(`Sizes are of the made-up language: leave out ${positionals[0]} or --data`);
  }
  return {
    sizes: data !== undefined ? [] : sizesOf(positionals),
    losses,
    epochs: positive(values.epochs, "--epochs", 1),
    lr: values.lr === undefined || values.lr === "auto" ? "auto" : positive(values.lr, "--lr", NaN),
    json,
    ...given("words"),
    ...given("seconds"),
    ...(data !== undefined && { data }),
    ...(svg !== undefined && { svg }),
    ...(from !== undefined && { from }),
  };
}

function parse(words: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        data: text,
        losses: text,
        words: text,
        epochs: text,
        seconds: text,
        lr: text,
        json: { type: "boolean" },
        svg: text,
        from: text,
      },
    });
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function sizesOf(positionals: readonly string[]): number[] {
  if (positionals.length === 0) return [...SIZES.keys()];
  return positionals.map((word) => positive(word, "The vocabulary size", NaN));
}

/** Words of training text by size, on a GPU and on a software adapter. */
const SIZES: ReadonlyMap<number, readonly [hardware: number, software: number]> = new Map([
  [1000, [500_000, 300_000]],
  [10_000, [1_000_000, 300_000]],
  [100_000, [1_500_000, 300_000]],
]);

/** Differences between a GPU and a software adapter. */
const MACHINES = {
  hardware: { seconds: 60, testWords: 20_000, emsize: "200", batchSize: "40" },
  software: { seconds: 30, testWords: 4_000, emsize: "64", batchSize: "20" },
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
export function* tasksOf(plan: Plan, software: boolean): Generator<Task> {
  const machine = MACHINES[software ? "software" : "hardware"];
  const { testWords, emsize, batchSize } = machine, { data, seconds = machine.seconds } = plan;
  if (data !== undefined) {
    const { bestTestPerplexity: _, ...corpus } = loadCorpus({ data });
    yield { ...corpus, name: data, best: null, given: {}, seconds };
  }
  const given: Given = {
    emsize,
    nhid: emsize,
    nlayers: "1",
    dropout: "0",
    "batch-size": batchSize,
  };
  for (const vocab of plan.sizes) {
    const words = plan.words ?? SIZES.get(vocab)?.[software ? 1 : 0] ?? 300_000;
    const text = synthesize({ words, vocab, seed: 1, testWords });
    const name = `V = ${vocab.toLocaleString("en")}`;
    yield { ...text, name, best: text.bestTestPerplexity, given, seconds };
  }
}
