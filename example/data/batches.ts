/** Batches of sentences: each row holds whole sentences in sequence, packed with little padding. */

import { isFromBatch } from "../options/choices.ts";
import type { EvaluationKind } from "../options/evaluation_kind.ts";
import type { Settings } from "../options/options.ts";
import type { BatchSettings, Epoch } from "./epoch.ts";
import { LargeText } from "./large_text.ts";
import { pack } from "./pack.ts";
import { cut, RowBatch } from "./row_batch.ts";
import type { Sentences } from "./sentences.ts";
import { StreamEpoch } from "./stream_epoch.ts";
import { WholeEpoch } from "./whole_epoch.ts";
import { WindowedEpoch } from "./windowed_epoch.ts";

/**
 * The batches of one training epoch. Every token is predicted once.
 *
 * Sentences longer than `bptt` predictions are cut into pieces. Each piece after the first also reads
 * the words before its first prediction, a quarter of `bptt`. A row has at most `bptt` steps and holds as
 * many sentences in sequence as fit. Rows are shuffled for each epoch, in the same order for the same seed
 * and epoch. A batch takes as many rows as hold the tokens of `batchSize` mean pieces, so it has sentences
 * of all lengths. With `carryState` the order is that of the text. If noise comes from the batch, a target
 * that would be alone joins another batch, and words of the text fill each row's end, so that all
 * noise is from the text. A text beyond memory is shuffled by windows.
 */
export function trainingBatches(
  text: Sentences | LargeText,
  settings: BatchSettings,
  epoch: number,
): Epoch {
  const { batchSize, bptt, concat, carryState } = settings;
  checkPositive({ batchSize, bptt });
  if (carryState && !concat) throw new TypeError("Cannot carry the state without concat");
  if (carryState) return new StreamEpoch(text, settings);
  if (text instanceof LargeText) return new WindowedEpoch(text, settings, epoch);
  return new WholeEpoch(text, settings, epoch);
}

/** The epochs of a text. The last one that was asked for is kept: packing a large text takes a while. */
export class Epochs {
  readonly #text: Sentences | LargeText;
  readonly #settings: BatchSettings;
  #epoch = 0;
  #batches: Epoch | undefined;

  /** Packs nothing yet. */
  constructor(text: Sentences | LargeText, settings: BatchSettings) {
    this.#text = text;
    this.#settings = settings;
  }

  /** The {@linkcode trainingBatches} of an epoch, from 1. */
  at(epoch: number): Epoch {
    if (this.#batches !== undefined && this.#epoch === epoch) return this.#batches;
    this.#batches = undefined; // before the next ones take its memory
    this.#epoch = epoch;
    return this.#batches = trainingBatches(this.#text, this.#settings, epoch);
  }
}

/** How {@linkcode evaluationBatches} groups sentences. */
export interface EvaluationOptions {
  /** The most rows in a batch, by default 64. */
  readonly batchSize?: number;
  /** The most elements, padding included, in a batch; by default 4,096. */
  readonly tokenBudget?: number;
}

/**
 * Whole sentences in a fixed order: a row holds as many as fit into `tokenBudget / batchSize` steps.
 * Sentences longer than the budget come first, in pieces. Each piece is a batch of one row that continues
 * the previous piece.
 */
export function evaluationBatches(
  text: Sentences,
  { batchSize = 64, tokenBudget = 4096 }: EvaluationOptions = {},
): readonly RowBatch[] {
  checkPositive({ batchSize, tokenBudget });
  const pieces = cut(text.offsets, tokenBudget, 0), { starts, lengths } = pieces;
  const batches: RowBatch[] = [], whole: number[] = [];
  for (let piece = 0, sentence = 0; piece < lengths.length; sentence++) {
    const first = piece, end = text.offsets[sentence + 1]!;
    while (piece < lengths.length && starts[piece]! < end) piece++;
    if (piece - first === 1) whole.push(first);
    else {
      for (let i = first; i < piece; i++) {
        batches.push(new RowBatch(text.ids, pieces, [[i]], { continues: i > first }));
      }
    }
  }
  const space = Math.max(1, Math.floor(tokenBudget / batchSize));
  const rows = pack(Uint32Array.from(whole), lengths, space);
  for (let start = 0; start < rows.length;) {
    // Rows with the longest sentences come first: none is longer than the first, or than `space`.
    const steps = Math.max(space, lengths[rows.at(start)[0]!]!);
    const count = Math.max(1, Math.min(batchSize, Math.floor(tokenBudget / steps)));
    batches.push(new RowBatch(text.ids, pieces, rows.slice(start, start + count)));
    start += count;
  }
  return batches;
}

/** Whether a score depends on the batches that the text is cut into: a loss whose noise is from the batch. */
export function dependsOnBatches(
  kind: EvaluationKind,
  { loss, noise }: Pick<Settings, "loss" | "noise">,
): boolean {
  return kind === "loss" && loss !== "full" && isFromBatch(noise);
}

/**
 * The batches by which a text is scored: {@linkcode evaluationBatches}, but for a loss whose noise is from the batch
 * those of training, in an order that no seed changes. So it has as many samples as in training, and no padding
 * among them.
 */
export function scoredBatches(
  text: Sentences,
  kind: EvaluationKind,
  settings: BatchSettings & Pick<Settings, "loss">,
): readonly RowBatch[] {
  return dependsOnBatches(kind, settings)
    ? [...trainingBatches(text, { ...settings, seed: 0 }, 0)]
    : evaluationBatches(text);
}

function checkPositive(sizes: Record<string, number>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (Number.isSafeInteger(size) && size > 0) continue;
    throw new RangeError(`Cannot make batches: ${name} is ${size}, it must be a positive integer`);
  }
}
