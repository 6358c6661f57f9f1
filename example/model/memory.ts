/** The GPU memory that a model takes for as long as it is used, by its sizes alone. */

import { format as formatBytes } from "@std/fmt/bytes";
import { SCORE_LIMITS, shardRows } from "../../kernels/mod.ts";
import { type Gpu, OutOfMemoryError, type Shard } from "../../mod.ts";
import { drawnFrom, isFromBatch } from "../options/choices.ts";
import type { ModelSettings, Settings } from "../options/options.ts";
import { Failure } from "../shared/errors.ts";
import { parameterCount, parameterShapes } from "./shapes.ts";

/** Bytes of what is on the GPU, by what they are for. */
export interface MemoryNeeds {
  /** Parameters: tables of words nearly all of them. */
  readonly tables: number;
  /** What the optimizer keeps. */
  readonly moments: number;
  /** Tables that noise is drawn from. */
  readonly noise: number;
  /** What ranks that take steps by themselves keep for their mean. */
  readonly outer: number;
  /** Gradients that are as large as a table. */
  readonly gradients: number;
  /** Scores of all words that are kept from the forward pass for the backward pass. */
  readonly scores: number;
}

/** What to do if no option helps. */
const LARGER = "take one with more memory";

/** Bytes of a 32-bit float. */
const FLOAT_BYTES = 4;
/** Bytes of scores that are kept at most beside a whole gradient, by the index module. */
const KEPT_BYTES = { linear: SCORE_LIMITS.keptBytes, gru: SCORE_LIMITS.heldBytes };
/** Bytes a word: of the table that is drawn from, and of ln q. */
const DRAWN_BYTES = 8, LOG_BYTES = 4;

/** What a model over `words` words takes in any use, or a rank's shard of it. Batches take more. */
export function memoryOfModel(
  settings: ModelSettings,
  words: number,
  shard?: Shard,
): MemoryNeeds {
  const { emsize, tableDtype } = settings, V = rowsOf(words, shard);
  const vectors = V * emsize * (hasOneTable(settings) ? 1 : 2);
  const halves = tableDtype === "f16" ? FLOAT_BYTES / 2 * vectors : 0;
  const tables = FLOAT_BYTES * parameterCount(settings, V) - halves;
  const drawn = drawnFrom(settings.noise) ? DRAWN_BYTES + LOG_BYTES : 0;
  const noise = words * (drawn + (isFromBatch(settings.noise) ? LOG_BYTES : 0));
  return { tables, moments: 0, noise, outer: 0, gradients: 0, scores: 0 };
}

/**
 * What its training takes, on batches of `targets` words. A larger gradient than `heldBytes` is computed in tiles;
 * scores are kept if there is room for all, and else computed again.
 */
export function memoryOfTraining(
  settings: Settings,
  words: number,
  { heldBytes }: Pick<Gpu, "heldBytes">,
  shard?: Shard,
  targets = 0,
): MemoryNeeds {
  const { loss, indexModule, tied, emsize, optimizer, momentum, weightDecay } = settings;
  const model = memoryOfModel(settings, words, shard), table = FLOAT_BYTES * words * emsize;
  // That of a tied table is summed with the gradient of the words that are read.
  const weight = (table > heldBytes ? 0 : table) + (tied ? table : 0);
  const whole = indexModule === "gru" ? table : FLOAT_BYTES * words + weight;
  const own = rowsOf(words, shard), floats = FLOAT_BYTES * parameterCount(settings, own);
  const rows = [...parameterShapes(settings, own)].reduce((sum, [, [V]]) => sum + V!, 0);
  const kept = {
    "sgd": momentum > 0 ? floats : 0,
    "adagrad": floats,
    "rowwise-adagrad": FLOAT_BYTES * rows,
    "adam": 2 * floats,
  };
  // SGD keeps the steps that each row of the tables which are looked up has had.
  const lazy = optimizer === "sgd" && (momentum > 0 || weightDecay > 0);
  const scored = loss === "full" ? 0 : indexModule === "gru" ? 1 : 2;
  const lookedUp = scored + (hasOneTable(settings) ? 0 : 1);
  const moments = kept[optimizer] + (lazy ? 4 * own * lookedUp : 0);
  // Where the parameters were, their velocity, and a mark for each of their rows.
  const outer = settings.syncEvery > 1 ? 2 * model.tables + 4 * rows : 0;
  if (loss !== "full") return { ...model, moments, outer };
  const scores = FLOAT_BYTES * targets * words,
    isTiled = indexModule !== "gru" && table > heldBytes;
  const isKept = scores <= (isTiled ? heldBytes : KEPT_BYTES[indexModule]);
  return { ...model, moments, outer, gradients: whole, scores: isKept ? scores : 0 };
}

/** Whether a word has one vector, as input and where it is scored. */
function hasOneTable({ indexModule, tied }: ModelSettings): boolean {
  return indexModule === "gru" || tied;
}

function rowsOf(words: number, shard?: Shard): number {
  return shard ? shardRows({ ...shard, rows: words }) : words;
}

/** The needs in words, such as "4.1 GB on the GPU: tables 2 GB, moments 2 GB, noise 120 MB". */
export function describeNeeds(needs: MemoryNeeds): string {
  const parts = Object.entries(needs).filter(([, bytes]) => bytes > 0);
  const list = parts.map(([name, bytes]) => `${name} ${formatBytes(bytes)}`).join(", ");
  return `${formatBytes(totalBytes(needs))} on the GPU: ${list}`;
}

/** Bytes of all. */
export function totalBytes(needs: MemoryNeeds): number {
  return Object.values(needs).reduce((sum: number, bytes: number) => sum + bytes, 0);
}

/**
 * Checks that there is memory for the model.
 *
 * @param has Bytes of free memory, if that is known.
 * @param settings Those of a new model; the sizes of a saved one are fixed.
 * @throws {Failure} If there is less than it needs.
 */
export function checkMemory(
  needs: MemoryNeeds,
  has: number | undefined,
  settings?: Settings,
): void {
  if (has === undefined || totalBytes(needs) <= has) return;
  const cure = settings ? savings(settings, needs.scores > 0) : LARGER;
  throw new Failure(
    `Cannot use this model on this device: it needs ${describeNeeds(needs)}; it has ` +
      `${formatBytes(has)}; ${cure}`,
  );
}

/** Says how to train with less memory, if `error` is that the device has run out of it; else the error itself. */
export function withMemoryCure(error: unknown, settings: Settings): unknown {
  if (!(error instanceof OutOfMemoryError)) return error;
  return new Failure(`${error.found}; ${savings(settings, true)}`, { cause: error });
}

/** What saves memory and may be given beside the other settings; whether `batches` matter, too. */
function savings(settings: Settings, batches: boolean): string {
  const { tableDtype, emsize, shardTables, syncEvery, optimizer, momentum } = settings;
  const isNew = settings.start === null; // else words and sizes are those of the model that it starts from
  const smaller = [...isNew ? ["--emsize"] : [], ...batches ? ["--batch-size"] : []];
  const mayBeHalves = emsize % 2 === 0 && !shardTables && syncEvery === 1;
  const options = [
    ...isNew ? ["fewer words (--min-freq, --vocab)"] : [],
    ...smaller.length > 0 ? [`a smaller ${smaller.join(" or ")}`] : [],
    ...isNew && !hasOneTable(settings) ? ["--tied"] : [],
    ...tableDtype === "f32" && mayBeHalves ? ["--table-dtype f16"] : [],
    ...optimizer === "sgd" && momentum > 0 ? ["--momentum 0"] : [],
    ...optimizer === "adagrad" || optimizer === "adam" ? ["--optimizer rowwise-adagrad"] : [],
  ];
  if (options.length === 0) return LARGER;
  return `give ${new Intl.ListFormat("en-GB", { type: "disjunction" }).format(options)}`;
}
