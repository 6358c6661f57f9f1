/** Scores candidate words by one more GRU step, at O(H) for a pair of context and word. */

import { ownWordGradients, sharedWordGradients } from "./gru_pair_gradients.ts";
import {
  type GRUContexts,
  launchShared,
  ownScores,
  pairScores,
  type ScoreHead,
  sizesOf,
} from "./gru_pair_kernels.ts";
import { sum } from "../elementwise/reduce.ts";
import type { Step } from "../autograd/step.ts";
import { expectShape, type Tensor } from "../device/tensor.ts";

/**
 * N contexts for {@linkcode gruPairScore}: their states `hidden` [N, H] after the words so far, and
 * `gates` [N, 3H], the states' part `W_hh h + b_hh` in the gates of the next step (order r, z, n).
 */
export function gruContexts(step: Step, gates: Tensor, hidden: Tensor): GRUContexts {
  const [N, H] = [hidden.shape[0]!, hidden.shape[1]!];
  expectShape("gruContexts", "hidden", hidden, [N, H]);
  expectShape("gruContexts", "gates", gates, [N, 3 * H]);
  const packed = step.tensor([Math.ceil(N / 8), H, 8, 4]);
  launchShared(step, {
    entry: "pack_states",
    inputs: [gates, hidden],
    outputs: [packed],
    grid: Math.ceil(packed.size / 256),
    uniform: { N, H },
  });
  return { gates, hidden, packed };
}

/** Throws a TypeError unless the head fits the contexts; returns N and H. */
export function expectHead(op: string, contexts: GRUContexts, head: ScoreHead) {
  const [N, H] = sizesOf(contexts);
  expectShape(op, "weight", head.weight, [1, H]);
  expectShape(op, "bias", head.bias, [1]);
  return { N, H };
}

/**
 * `score[n, i] = bias + weight . dropout(h')` with h' the state that context n has after word i.
 *
 * `words` are the words' part `W_ih x + b_ih` in the gates: [K, 3H] if all contexts share the words,
 * [N, K, 3H] if each has its own. The result is [N, K]; nothing of size N K H is stored for shared
 * words, neither forward nor backward.
 */
export function gruPairScore(
  step: Step,
  words: Tensor,
  contexts: GRUContexts,
  head: ScoreHead,
): Tensor {
  const { N, H } = expectHead("gruPairScore", contexts, head);
  const shared = words.shape.length === 2, K = words.shape[shared ? 0 : 1]!;
  expectShape("gruPairScore", "words", words, [...(shared ? [] : [N]), K, 3 * H]);
  const scores = (shared ? pairScores : ownScores)(step, contexts, words, head);
  return step.record({
    name: "gruPairScore",
    inputs: [words, contexts.gates, contexts.hidden, head.weight, head.bias],
    output: step.own(scores),
    backward: (dScores) => {
      const dWords = step.tensor(words.shape);
      using pairs = shared ? sharedWordGradients(step, contexts, head, K) : null;
      pairs?.add(dWords, words, dScores);
      const common = pairs?.finish() ??
        ownWordGradients(step, contexts, head, dWords, words, dScores);
      return [dWords, common.contextGates, common.hidden, common.weight, sum(step, dScores)];
    },
  });
}
