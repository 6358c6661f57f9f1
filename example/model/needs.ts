/** The largest tensors of a model, of a training step and of an evaluation, by their sizes alone. */

import { isFromBatch, type Settings } from "../options/settings.ts";
import { product } from "./shapes.ts";

/** What the device and the vocabulary set. */
export interface Bounds {
  /** Bytes of one tensor at most. */
  readonly tensorBytes: number;
  /** Workgroups in one dimension of a launch at most. */
  readonly workgroups: number;
  /** V, the number of words. */
  readonly words: number;
}

/** Sizes of the largest batch. */
export interface BatchShape {
  /** T, its time steps. */
  readonly steps: number;
  /** B, its rows. */
  readonly rows: number;
  /** The rows that one of `--batch-size` adds, at most. */
  readonly share: number;
}

/** Settings that sizes depend on. */
export type Sizes = Pick<
  Settings,
  | "indexModule"
  | "emsize"
  | "nhid"
  | "loss"
  | "noise"
  | "noiseRatio"
  | "perWord"
  | "batchSize"
  | "bptt"
>;

/** Those of them that can be made smaller. */
export type Size = "batchSize" | "bptt" | "emsize" | "nhid" | "noiseRatio";

/** A tensor, how many elements it may have, and what makes it smaller. */
export interface Need {
  readonly what: string;
  readonly shape: readonly number[];
  readonly most: number;
  readonly sizes: readonly Size[];
  /** Whether it grows with the vocabulary. */
  readonly ofWords?: boolean;
}

/** Scores of one tile of classes: the smallest tile has 64 classes, and a tile 64 MiB. */
const TILE_CLASSES = 64, TILE_FLOATS = 2 ** 24;
/** Rows of a batch that a workgroup of the recurrent layers takes. */
const GROUP_ROWS = 4;
/** Words and contexts that an IndexGRU scores together, at most. */
const GROUP_WORDS = 64, GROUP_CONTEXTS = 8;

/** The tensors that a model has whatever it is used for. */
export function modelNeeds({ indexModule, emsize: E, nhid: H }: Sizes, bounds: Bounds): Need[] {
  const gates = indexModule === "gru" ? 3 : 4, most = bounds.tensorBytes / 4;
  const layer: Size[] = E > H ? ["emsize", "nhid"] : ["nhid", "emsize"];
  return [
    { what: "the noise's tables", shape: [bounds.words, 2], most, sizes: [], ofWords: true },
    {
      what: "the words' vectors",
      shape: [bounds.words, E],
      most,
      sizes: ["emsize"],
      ofWords: true,
    },
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
  const { emsize: E, nhid: H, loss } = sizes, N = steps * rows, most = bounds.tensorBytes / 4;
  const batch: Size[] = ["batchSize", "bptt"];
  const packed = sizes.indexModule === "gru" ? whole(N, GROUP_CONTEXTS) : N;
  const needs: Need[] = [
    {
      what: "the rows of a batch",
      shape: [rows],
      most: GROUP_ROWS * bounds.workgroups,
      sizes: ["batchSize"],
    },
    { what: "the gates of a batch", shape: [packed, 4 * H], most, sizes: [...batch, "nhid"] },
    { what: "the vectors of a batch", shape: [N, whole(E)], most, sizes: [...batch, "emsize"] },
  ];
  if (loss !== "full") return [...needs, ...noiseNeeds(sizes, N, bounds, training)];
  const shape = [N, TILE_CLASSES];
  return [...needs, { what: "the scores of a tile", shape, most: TILE_FLOATS, sizes: batch }];
}

/** The largest tensors of the noise of N targets. */
function noiseNeeds(
  { indexModule, emsize: E, nhid: H, noise, noiseRatio, perWord }: Sizes,
  N: number,
  { tensorBytes, words }: Bounds,
  training: boolean,
): Need[] {
  const most = tensorBytes / 4, isGru = indexModule === "gru";
  const K = (noise === "batch" ? 0 : noiseRatio) + (isFromBatch(noise) ? N : 0);
  const width = whole(isGru ? 3 * H : E), own: Size = isGru ? "nhid" : "emsize";
  const drawn: Size[] = [...noise === "batch" ? [] : ["noiseRatio"] as const, "batchSize", "bptt"];
  const scores = { what: "the scores of the noise", shape: [N, whole(K)], most, sizes: drawn };
  const vectors = { what: "the vectors of the noise", most, sizes: [...drawn, own] };
  if (!perWord) return [scores, { ...vectors, shape: [whole(K, isGru ? GROUP_WORDS : 1), width] }];
  if (isGru) {
    const all = { what: "the vectors of all words", shape: [words, width], most, sizes: [own] };
    // With more samples than words, each word's vector is made once.
    return [scores, { ...vectors, shape: [N, K, width] }, ...N * K < words ? [] : [all]];
  }
  // Rows of a linear layer's table are not gathered, but sorted for their gradient, by two counts each.
  return [training ? { ...scores, shape: [N, K + 1, 2] } : scores];
}

/** Rounded up to whole groups: software adapters multiply rows of whole vectors of four. */
function whole(size: number, group = 4): number {
  return Math.ceil(size / group) * group;
}

/** The batch when `--batch-size` or `--bptt` is a smaller one than it was made for; at most so large. */
export function resized(before: Sizes, { batchSize, bptt }: Sizes, batch: BatchShape): BatchShape {
  const { steps, rows, share } = batch;
  if (batchSize < before.batchSize) {
    return { ...batch, rows: Math.min(rows, Math.max(1, Math.round(batchSize * share))) };
  }
  // Shorter rows hold less, so that there are more of them: never more than --batch-size.
  if (bptt < before.bptt) {
    return { ...batch, steps: Math.min(steps, bptt), rows: batchSize };
  }
  return batch;
}

/** Whether a tensor is small enough. */
export function isMet({ shape, most }: Need): boolean {
  return product(shape) <= most;
}
