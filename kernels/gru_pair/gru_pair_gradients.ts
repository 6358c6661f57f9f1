/** Gradients of GRU pair scores, computed in parts that keep the adapter busy and summed in order. */

import {
  type GRUContexts,
  launchOwn,
  launchShared,
  pairTile,
  type ScoreHead,
  sizesOf,
} from "./gru_pair_kernels.ts";
import type { Device } from "../device/device.ts";
import { columnSums } from "../matmul/column_sums.ts";
import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";

/** Gradients of what the pairs have in common. */
export interface CommonGradients {
  /** [N, 3H] of the contexts' gates. */
  readonly contextGates: Tensor;
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

/** Into how many parts contexts and words are divided. */
interface PairPlan {
  readonly contextParts: number;
  readonly wordParts: number;
}

/** The plan for `K` words at most. */
function pairPlan(gpu: Device, N: number, K: number, H: number): PairPlan {
  const octets = Math.ceil(N / 8);
  const wanted = BUSY[gpu.family] / Math.ceil(H / pairTile(gpu).THREADS);
  const bytes = (contexts: number, words: number) => 4 * H * (3 * K * contexts + 4 * N * words);
  const most = Math.min(MAX_BYTES, Math.max(FREE_BYTES, N * K * H));
  let contextParts = 1, wordParts = 1;
  while (contextParts * wordParts < wanted) {
    const moreContexts = 2 * contextParts <= octets ? bytes(2 * contextParts, wordParts) : Infinity;
    const moreWords = 16 * wordParts <= K ? bytes(contextParts, 2 * wordParts) : Infinity;
    if (Math.min(moreContexts, moreWords) > most) break;
    if (moreContexts < moreWords) contextParts *= 2;
    else wordParts *= 2;
  }
  // No part of the contexts may be empty: its sums would not be written. Those of a part without words are zeros.
  return { contextParts: Math.ceil(octets / Math.ceil(octets / contextParts)), wordParts };
}

/** What each launch for K words takes: contexts and words of each part, as fields of its uniform. */
function* rangesOf(gpu: Device, { contextParts, wordParts }: PairPlan, N: number, K: number) {
  const wordChunk = Math.ceil(Math.min(K, WORD_BLOCK[gpu.family] * wordParts) / wordParts);
  const octets = Math.min(
    Math.ceil(N / 8 / contextParts),
    Math.max(1, Math.floor(ROUNDS / (wordChunk + OCTET_ROUNDS))),
  );
  const chunks = { context_chunk: 8 * octets, word_chunk: wordChunk };
  for (let word = 0; word < K; word += wordParts * wordChunk) {
    for (let context = 0; context < N; context += contextParts * 8 * octets) {
      yield { context_first: context, word_first: word, ...chunks };
    }
  }
}

/** Gradients for words that all contexts share, computed for some of the words at a time. */
export interface SharedWordGradients extends Disposable {
  /**
   * Writes the gradient of `wordGates` [K, 3H], those of the words from number `first` on, to `dWords`, and
   * adds to those of the contexts and the weight.
   */
  add(dWords: Tensor, wordGates: Tensor, dScores: Tensor, first?: number): void;
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
  const { gpu } = step, [N, H] = sizesOf(contexts), plan = pairPlan(gpu, N, most, H);
  const { contextParts, wordParts } = plan;
  const gateSums = new PartialSum(step, wordParts, [N, 3 * H]);
  const hiddenSums = new PartialSum(step, wordParts, [N, H]);
  const weightSums = new PartialSum(step, contextParts * wordParts, [1, H]);
  const sums = [gateSums, hiddenSums, weightSums];
  let begun = false;
  return {
    add(dWords, wordGates, dScores, first = 0) {
      const K = wordGates.shape[0]!;
      using partial = contextParts === 1 ? null : gpu.temporary([contextParts, K, 3 * H]);
      for (const range of rangesOf(gpu, plan, N, K)) {
        const laterContexts = range.context_first > 0, laterWords = begun || range.word_first > 0;
        launchShared(step, {
          entry: "gradients",
          inputs: [contexts.packed, wordGates, dScores, head.weight],
          outputs: [partial ?? dWords, ...sums.map(({ parts }) => parts)],
          grid: [Math.ceil(H / pairTile(gpu).THREADS), contextParts, wordParts],
          uniform: {
            ...{ N, K, H, first, ...range },
            add_words: Number(laterContexts),
            add_states: Number(laterWords),
            add_weight: Number(laterContexts || laterWords),
          },
          dropout: head.dropout,
        });
      }
      begun = true;
      if (partial) columnSums(gpu, dWords, partial);
    },
    finish: () => ({
      contextGates: gateSums.sum(),
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
 * Gradients for words of each context's own. That of `wordGates` [N, K, 3H] is written to `dWords`.
 */
export function ownWordGradients(
  step: Step,
  contexts: GRUContexts,
  head: ScoreHead,
  dWords: Tensor,
  wordGates: Tensor,
  dScores: Tensor,
): CommonGradients {
  const { gpu } = step, [N, H] = sizesOf(contexts), K = wordGates.shape[1]!, each = K === 1 ? 1 : 8;
  const groups = Math.ceil(H / gpu.rowThreads);
  const few = Math.ceil(WORD_BLOCK.software / K);
  const chunk = Math.min(few, Math.ceil(N / Math.ceil(BUSY[gpu.family] / groups)));
  const parts = Math.ceil(N / chunk);
  const dGates = step.tensor([N, 3 * H]), hidden = step.tensor([N, H]);
  const weight = step.tensor([1, H]);
  using partial = gpu.temporary([parts, H]);
  launchOwn(step, {
    entry: "own_gradients",
    inputs: [wordGates, contexts.packed, head.weight, dScores],
    outputs: [dWords, dGates, hidden, partial],
    grid: [groups, parts, 1],
    uniform: { N, K, H, context_chunk: chunk },
    dropout: head.dropout,
  }, each);
  columnSums(gpu, weight, partial);
  return { contextGates: dGates, hidden, weight };
}
