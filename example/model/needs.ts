/** The largest tensors of a model, of a training step and of an evaluation, by their sizes alone. */

import { SCORE_LIMITS } from "../../kernels/mod.ts";
import { isFromBatch } from "../options/choices.ts";
import type { ModelSettings, Settings } from "../options/options.ts";
import { product } from "./shapes.ts";

/** Limits of the device and the vocabulary. */
export interface Bounds {
  /** Maximum elements of one tensor. */
  readonly most: number;
  /** V, the number of words. */
  readonly words: number;
}

/** Sizes of the largest batch. */
export interface BatchShape {
  /** T, its time steps. */
  readonly steps: number;
  /** B, its rows. */
  readonly rows: number;
  /** Maximum rows added by one unit of `--batch-size`. */
  readonly share: number;
}

/** Settings that determine sizes; `audit` that of training alone. */
export type Sizes =
  & ModelSettings
  & Pick<Settings, "batchSize" | "bptt">
  & Partial<Pick<Settings, "audit">>;

/** The settings that can be reduced. */
export type Size = "batchSize" | "bptt" | "emsize" | "nhid" | "noiseRatio";

/** A tensor, its maximum number of elements, and the settings that reduce it. */
export interface Need {
  readonly what: string;
  readonly shape: readonly number[];
  readonly most: number;
  readonly sizes: readonly Size[];
}

/** Maximum words and contexts that an IndexGRU scores together. */
const GROUP_WORDS = 64, GROUP_CONTEXTS = 8;

/** The tensors of every model, in any use; tables of words may be of any size, but 64 rows have one buffer. */
export function modelNeeds(sizes: Sizes, { most, words }: Bounds): Need[] {
  const { indexModule, emsize: E, nhid: H } = sizes, gates = indexModule === "gru" ? 3 : 4;
  const layer: Size[] = E > H ? ["emsize", "nhid"] : ["nhid", "emsize"];
  return [
    { what: "64 words' vectors", shape: [Math.min(64, words), E], most, sizes: ["emsize"] },
    { what: "a layer's weights", shape: [gates * H, Math.max(E, H)], most, sizes: layer },
  ];
}

/** The largest tensors of a step on a batch of N = T B targets. */
export function batchNeeds(
  sizes: Sizes,
  bounds: Bounds,
  { steps, rows }: Pick<BatchShape, "steps" | "rows">,
  training: boolean,
): Need[] {
  const { emsize: E, nhid: H, loss, audit = 0 } = sizes;
  const N = steps * rows, { most } = bounds;
  const batch: Size[] = ["batchSize", "bptt"];
  const packed = sizes.indexModule === "gru" ? whole(N, GROUP_CONTEXTS) : N;
  const needs: Need[] = [
    { what: "the gates of a batch", shape: [packed, 4 * H], most, sizes: [...batch, "nhid"] },
    { what: "the vectors of a batch", shape: [N, whole(E)], most, sizes: [...batch, "emsize"] },
  ];
  if (loss !== "full") needs.push(...noiseNeeds(sizes, N, bounds, training));
  if (loss === "full" || training && audit > 0) {
    const { heldBytes, tileClasses } = SCORE_LIMITS, shape = [N, tileClasses];
    needs.push({ what: "the scores of a tile", shape, most: heldBytes / 4, sizes: batch });
  }
  return needs;
}

/** The largest tensors of the noise of N targets. */
function noiseNeeds(
  { indexModule, emsize: E, nhid: H, noise, noiseRatio, perWord, tableDtype }: Sizes,
  N: number,
  { most, words }: Bounds,
  training: boolean,
): Need[] {
  const isGru = indexModule === "gru";
  const K = (noise === "batch" ? 0 : noiseRatio) + (isFromBatch(noise) ? N : 0);
  const width = whole(isGru ? 3 * H : E), own: Size = isGru ? "nhid" : "emsize";
  const drawn: Size[] = [...noise === "batch" ? [] : ["noiseRatio"] as const, "batchSize", "bptt"];
  // An IndexGRU looks up the input in the same table.
  const ids = (perWord ? N * K : K) + (isGru ? 2 * N : N);
  const rows = {
    what: "the gradient of the words' vectors",
    shape: [Math.min(ids, words), E],
    most,
    sizes: [...drawn, "emsize"] as const,
  };
  const summed = training ? [rows] : [];
  const scores = { what: "the scores of the noise", shape: [N, whole(K)], most, sizes: drawn };
  const vectors = { what: "the vectors of the noise", most, sizes: [...drawn, own] };
  if (!perWord) {
    return [scores, { ...vectors, shape: [whole(K, isGru ? GROUP_WORDS : 1), width] }, ...summed];
  }
  if (isGru) return [scores, { ...vectors, shape: [N, K, width] }, ...summed];
  // For the gradient of a linear layer's table, rows are sorted, with two counts each. They are gathered, for
  // 64 targets at a time, only if the table lies in several buffers or has 16-bit floats.
  return [
    training ? { ...scores, shape: [N, K + 1, 2] } : scores,
    ...words * E > most || tableDtype === "f16"
      ? [{ ...vectors, shape: [Math.min(N, 64), K, E] }]
      : [],
    ...summed,
  ];
}

/** Rounded up to whole groups: software adapters multiply rows of whole vectors of four. */
function whole(size: number, group = 4): number {
  return Math.ceil(size / group) * group;
}

/** Upper bound of the batch's shape after `--batch-size` or `--bptt` is reduced. */
export function resized(before: Sizes, { batchSize, bptt }: Sizes, batch: BatchShape): BatchShape {
  const { steps, rows, share } = batch;
  if (batchSize < before.batchSize) {
    return { ...batch, rows: Math.min(rows, Math.max(1, Math.round(batchSize * share))) };
  }
  // Shorter rows hold less, so there are more of them, but never more than --batch-size.
  if (bptt < before.bptt) {
    return { ...batch, steps: Math.min(steps, bptt), rows: batchSize };
  }
  return batch;
}

/** Whether a tensor is small enough. */
export function isMet({ shape, most }: Need): boolean {
  return product(shape) <= most;
}
