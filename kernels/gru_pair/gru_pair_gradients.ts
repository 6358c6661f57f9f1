/** Gradients of GRU pair scores, computed in parts that keep the adapter busy and summed in order. */

import {
  type GRUContexts,
  launchOwn,
  launchShared,
  pairTile,
  type ScoreHead,
} from "./gru_pair_kernels.ts";
import { columnSums } from "../matmul/column_sums.ts";
import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";

/** Gradients of what the pairs have in common. */
export interface CommonGradients {
  /** [N, 3H] of the contexts' gates. */
  readonly gates: Tensor;
  /** [N, H] of their states. */
  readonly hidden: Tensor;
  /** [1, H] of the head's weight. */
  readonly weight: Tensor;
}

/** Workgroups that keep an adapter busy. */
const BUSY = { software: 32, hardware: 1024 } as const;
/** Upper limit of the partial sums in bytes, and what is allowed in any case. */
const [MAX_BYTES, FREE_BYTES] = [128 * 2 ** 20, 16 * 2 ** 20];
/** Words that a thread takes at a time: on a CPU, their gates and gradients should stay in its cache. */
const WORD_BLOCK = { software: 256, hardware: 2 ** 14 } as const;
/**
 * Rounds of all loops of a thread together. MAX_ROUNDS would do, too, but where a launch ends is where the sum of the
 * weight's gradient is cut: with another number its last bits are others.
 */
const ROUNDS = 2 ** 15;
/** Rounds of eight contexts besides one for each word: their own, and those that store their sums. */
const OCTET_ROUNDS = 1 + 8;

function sizesOf({ hidden }: GRUContexts): [N: number, H: number] {
  return [hidden.shape[0]!, hidden.shape[1]!];
}

/** The numbers of parts into which contexts and words are divided. */
function cut(step: Step, N: number, K: number, H: number): [number, number] {
  const { gpu } = step, octets = Math.ceil(N / 8);
  const wanted = BUSY[gpu.family] / Math.ceil(H / pairTile(gpu).THREADS);
  const bytes = (r: number, w: number) => 4 * H * (3 * K * r + 4 * N * w);
  const most = Math.min(MAX_BYTES, Math.max(FREE_BYTES, N * K * H));
  let rowParts = 1, wordParts = 1;
  while (rowParts * wordParts < wanted) {
    const moreRows = 2 * rowParts <= octets ? bytes(2 * rowParts, wordParts) : Infinity;
    const moreWords = 16 * wordParts <= K ? bytes(rowParts, 2 * wordParts) : Infinity;
    if (Math.min(moreRows, moreWords) > most) break;
    if (moreRows < moreWords) rowParts *= 2;
    else wordParts *= 2;
  }
  return [rowParts, wordParts];
}

/** Gradients for words that all contexts share, computed for some of the words at a time. */
export interface SharedWordGradients extends Disposable {
  /**
   * Writes the gradient of the `gates` [K, 3H] of the words from number `first` on to `dWords`, and
   * adds to those of the contexts and the weight.
   */
  add(dWords: Tensor, gates: Tensor, dScores: Tensor, first?: number): void;
  /** The sums over all words. */
  finish(): CommonGradients;
}

/** {@linkcode SharedWordGradients} for at most `most` words at a time. */
export function sharedWordGradients(
  step: Step,
  contexts: GRUContexts,
  head: ScoreHead,
  most: number,
): SharedWordGradients {
  const { gpu } = step, [N, H] = sizesOf(contexts), [rows, wordParts] = cut(step, N, most, H);
  // A part must not be empty: its sums would not be written.
  const rowParts = Math.ceil(N / (8 * Math.ceil(N / 8 / rows)));
  const gateSums = new PartialSum(step, wordParts, [N, 3 * H]);
  const hiddenSums = new PartialSum(step, wordParts, [N, H]);
  const weightSums = new PartialSum(step, rowParts * wordParts, [1, H]);
  const sums = [gateSums, hiddenSums, weightSums];
  let begun = false;
  return {
    add(dWords, gates, dScores, first = 0) {
      const K = gates.shape[0]!;
      using partial = rowParts === 1 ? null : gpu.temporary([rowParts, K, 3 * H]);
      const outputs = [partial ?? dWords, ...sums.map(({ parts }) => parts)];
      const wordChunk = Math.ceil(Math.min(K, WORD_BLOCK[gpu.family] * wordParts) / wordParts);
      const octets = Math.min(
        Math.ceil(N / 8 / rowParts),
        Math.max(1, Math.floor(ROUNDS / (wordChunk + OCTET_ROUNDS))),
      );
      for (let word = 0; word < K; word += wordParts * wordChunk) {
        for (let row = 0; row < N; row += rowParts * 8 * octets) {
          launchShared(step, {
            entry: "gradients",
            inputs: [contexts.packed, gates, dScores, head.weight],
            outputs,
            grid: [Math.ceil(H / pairTile(gpu).THREADS), rowParts, wordParts],
            uniform: {
              ...{ N, K, H, first },
              ...{ row_first: row, row_chunk: 8 * octets },
              ...{ word_first: word, word_chunk: wordChunk },
              add_words: Number(row > 0),
              add_states: Number(begun || word > 0),
              add_weight: Number(begun || word > 0 || row > 0),
            },
            dropout: head.dropout,
          });
        }
      }
      begun = true;
      if (partial) columnSums(gpu, dWords, partial);
    },
    finish: () => ({
      gates: gateSums.sum(),
      hidden: hiddenSums.sum(),
      weight: weightSums.sum(),
    }),
    [Symbol.dispose]: () => sums.forEach((sum) => sum[Symbol.dispose]()),
  };
}

/** A tensor of the step that is the sum of parts; a single part is the sum itself. */
class PartialSum implements Disposable {
  /** [parts, ...shape] */
  readonly parts: Tensor;
  readonly #step: Step;
  readonly #sum: Tensor;

  constructor(step: Step, parts: number, shape: readonly number[]) {
    this.#step = step;
    this.#sum = step.tensor(shape);
    this.parts = parts === 1 ? this.#sum : step.gpu.temporary([parts, ...shape]);
  }

  /** Adds the parts up. */
  sum(): Tensor {
    if (this.parts !== this.#sum) columnSums(this.#step.gpu, this.#sum, this.parts);
    return this.#sum;
  }

  [Symbol.dispose](): void {
    if (this.parts !== this.#sum) this.parts.dispose();
  }
}

/**
 * Gradients for words of each context's own. That of their `gates` [N, K, 3H] is written to `dWords`.
 */
export function ownWordGradients(
  step: Step,
  contexts: GRUContexts,
  head: ScoreHead,
  dWords: Tensor,
  gates: Tensor,
  dScores: Tensor,
): CommonGradients {
  const { gpu } = step, [N, H] = sizesOf(contexts), K = gates.shape[1]!, each = K === 1 ? 1 : 8;
  const groups = Math.ceil(H / gpu.rowThreads);
  const few = Math.ceil(WORD_BLOCK.software / K);
  const chunk = Math.min(few, Math.ceil(N / Math.ceil(BUSY[gpu.family] / groups)));
  const parts = Math.ceil(N / chunk);
  const dGates = step.tensor([N, 3 * H]), hidden = step.tensor([N, H]);
  const weight = step.tensor([1, H]);
  using partial = gpu.temporary([parts, H]);
  launchOwn(step, {
    entry: "own_gradients",
    inputs: [gates, contexts.packed, head.weight, dScores],
    outputs: [dWords, dGates, hidden, partial],
    grid: [groups, parts, 1],
    uniform: { N, K, H, row_chunk: chunk },
    dropout: head.dropout,
  }, each);
  columnSums(gpu, weight, partial);
  return { gates: dGates, hidden, weight };
}
