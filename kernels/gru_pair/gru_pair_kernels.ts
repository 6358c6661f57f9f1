/** Launches of the GRU pair kernels, specialised for the adapter. */

import type { Device } from "../device/device.ts";
import type { Launch } from "../device/launch.ts";
import own from "./gru_own_pair.wgsl" with { type: "text" };
import shared from "./gru_pair.wgsl" with { type: "text" };
import broadcast from "./_gru_pair_broadcast.wgsl" with { type: "text" };
import cell from "./_gru_pair_cell.wgsl" with { type: "text" };
import load from "./_gru_pair_load.wgsl" with { type: "text" };
import { readsTexels } from "../matmul/matmul_texel.ts";
import { partLaunch, withPart } from "../random/part.ts";
import { randomUniform, withRandom } from "../random/philox.ts";
import type { RandomStream } from "../random/stream.ts";
import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";

/** What turns a candidate's state h' into its score. */
export interface ScoreHead {
  /** [1, H] */
  readonly weight: Tensor;
  /** [1] */
  readonly bias: Tensor;
  /** Dropout of h' in training steps; none unless given. */
  readonly dropout?: { readonly p: number; readonly stream: RandomStream };
}

/** Contexts that candidates are scored in; they end with the step. */
export interface GRUContexts {
  /** [N, 3H] The contexts' part in the gates of the next step, `W_hh h + b_hh`. */
  readonly gates: Tensor;
  /** [N, H] Their states h. */
  readonly hidden: Tensor;
  /** [ceil(N / 8), H, 8, 4] Both in the layout of the kernels. */
  readonly packed: Tensor;
}

/** How many contexts there are, and the size of their states. */
export function sizesOf({ hidden }: GRUContexts): [N: number, H: number] {
  return [hidden.shape[0]!, hidden.shape[1]!];
}

/** What differs between launches. */
export interface PairLaunch {
  /** Entry point. */
  readonly entry: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly grid: Launch["grid"];
  /** Fields of the uniform that are not 0. */
  readonly uniform: Record<string, number>;
  /** The head's dropout, if the kernel applies it. */
  readonly dropout?: ScoreHead["dropout"] | undefined;
}

const common = withRandom(withPart(cell));
const sharedByLoading = common + shared + load;
const sharedByBroadcast = common + shared + broadcast;
const ownWords = common + own;

/** Threads of a workgroup of the kernels for shared words, and words that a thread scores. */
export function pairTile(gpu: Device): { THREADS: number; WORDS: number } {
  if (gpu.family === "hardware") return { THREADS: 64, WORDS: 1 };
  return { THREADS: readsTexels(gpu) ? gpu.subgroupSize : 8, WORDS: 4 };
}

/** Runs a kernel for words that all contexts share. */
export function launchShared(step: Step, launch: PairLaunch): void {
  const { gpu } = step, subgroups = readsTexels(gpu);
  const source = subgroups ? sharedByBroadcast : sharedByLoading;
  run(step, launch, { source, subgroups, constants: pairTile(gpu) });
}

/** Runs a kernel for words of each context's own. */
export function launchOwn(step: Step, launch: PairLaunch, EACH: number): void {
  run(step, launch, { source: ownWords, constants: { THREADS: step.gpu.rowThreads, EACH } });
}

function run(
  step: Step,
  { entry, inputs, outputs, grid, uniform, dropout }: PairLaunch,
  code: { source: string; subgroups?: boolean; constants: Record<string, number> },
): void {
  const drops = step.dropout && dropout !== undefined && dropout.p > 0;
  const threshold = drops ? Math.min(65535, Math.round(dropout.p * 65536)) : 0;
  const key = drops ? step.randomKey(dropout.stream) : undefined;
  const part = partLaunch(drops ? step.part : undefined);
  step.gpu.dispatch({
    ...code,
    label: `gruPair.${entry}`,
    entry,
    constants: { ...code.constants, ...part.constants, DROPOUT: drops ? 1 : 0 },
    inputs,
    outputs,
    uniform: {
      N: 0,
      K: 0,
      H: 0,
      first: 0,
      context_first: 0,
      context_chunk: 0,
      word_first: 0,
      word_chunk: 0,
      add_words: 0,
      add_states: 0,
      add_weight: 0,
      threshold,
      keep_scale: 65536 / (65536 - threshold),
      ...randomUniform(key),
      ...part.uniform,
      ...uniform,
    },
    grid,
  });
}

/**
 * Scores [N, K] of words with `gates` [K, 3H], in a temporary tensor. The words are numbered from `first`
 * on; a word's number selects its dropout mask.
 */
export function pairScores(
  step: Step,
  contexts: GRUContexts,
  gates: Tensor,
  head: ScoreHead,
  first = 0,
): Tensor {
  const { gpu } = step, { THREADS, WORDS } = pairTile(gpu), [N, H] = sizesOf(contexts);
  const K = gates.shape[0]!, tiles = Math.ceil(K / (THREADS * WORDS));
  using packed = gpu.temporary([tiles, H, 3, THREADS * WORDS]);
  launchShared(step, {
    entry: "pack_words",
    inputs: [gates],
    outputs: [packed],
    grid: Math.ceil(packed.size / 3 / 64),
    uniform: { K, H },
  });
  const scores = gpu.temporary([N, K]);
  launchShared(step, {
    entry: "scores",
    inputs: [contexts.packed, packed, packed, head.weight, head.bias],
    outputs: [scores],
    grid: [Math.ceil(N / 8), tiles, 1],
    uniform: { N, K, H, first },
    dropout: head.dropout,
  });
  return scores;
}

/** Scores [N, K] of words of each context's own, with `gates` [N, K, 3H], in a temporary tensor. */
export function ownScores(
  step: Step,
  contexts: GRUContexts,
  gates: Tensor,
  head: ScoreHead,
): Tensor {
  const [N, H] = sizesOf(contexts), K = gates.shape[1]!, each = K === 1 ? 1 : 8;
  const scores = step.gpu.temporary([N, K]);
  launchOwn(step, {
    entry: "own_scores",
    inputs: [gates, contexts.packed, head.weight, head.bias],
    outputs: [scores],
    grid: N * Math.ceil(K / each),
    uniform: { N, K, H },
    dropout: head.dropout,
  }, each);
  return scores;
}
