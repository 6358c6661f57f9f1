/** The best classes of any scorer, without the scores of all at once. */

import {
  expectScorer,
  SCORE_LIMITS,
  scoresOf,
  takesLong,
  type Tile,
  type TileScorer,
  tilesOf,
} from "./class_tiles.ts";
import type { Device } from "../device/device.ts";
import { expectNumber } from "../device/expect.ts";
import { withVec } from "../device/vec.ts";
import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";
import topKSource from "./top_k.wgsl" with { type: "text" };

const kernel = withVec(topKSource);

/** The largest k. */
const MAX_K = 1024;
/**
 * Threads of a row, and classes of a tile at most: llvmpipe ends a thread's loops after 65,535 rounds, and
 * scores that rise with the id take two rounds a class with 32 threads, one with 256.
 */
const SIZES = {
  software: { threads: 32, classes: 2 ** 14 },
  hardware: { threads: 256, classes: 2 ** 15 },
} as const;

/** The best classes of each row, best first. */
export interface TopK {
  /** [N, k] ids of the classes. */
  readonly ids: Tensor;
  /** [N, k] their scores. */
  readonly scores: Tensor;
}

/**
 * The `k` classes with the highest scores in each row, and these scores: best first, equal ones by the
 * smaller id. No gradient flows through the scores.
 *
 * At most `scorer.heldBytes` of the N x V scores, and 64 MiB, exist at a time. A score that is NaN counts as
 * the greatest, as in PyTorch; -0 comes back as 0.
 *
 * @throws {RangeError} Unless `k` is an integer from 1 to 1,024 and there are as many classes.
 */
export function topK(step: Step, scorer: TileScorer, k: number): TopK {
  return bestClasses("topK", step, scorer, k);
}

/** {@linkcode topK} for the operation `op`, which may change each tile of scores [N, count] before. */
export function bestClasses(
  op: string,
  step: Step,
  scorer: TileScorer,
  k: number,
  change: (scores: Tensor, tile: Tile) => void = () => {},
): TopK {
  expectScorer(op, step, scorer);
  const { rows: N, classes: V } = scorer, { gpu } = step;
  expectK(op, k, V);
  const { threads, classes: most } = SIZES[gpu.family];
  const tiles = tilesOf(gpu, op, scorer, most, SCORE_LIMITS.heldBytes); // nothing is kept for a backward pass
  const long = takesLong(scorer);
  const best = { ids: step.tensor([N, k], "u32"), scores: step.tensor([N, k]) };
  for (const tile of tiles) {
    using scores = scoresOf(op, scorer, tile);
    change(scores, tile);
    select(gpu, scores, best, tile, threads);
    if (long) gpu.submit();
  }
  best.ids.idLimit = V;
  return best;
}

/** Puts the classes of a tile into the best so far. */
function select(gpu: Device, tile: Tensor, best: TopK, { first, count }: Tile, threads: number) {
  const [N, k] = [best.ids.shape[0]!, best.ids.shape[1]!];
  const { source, vec } = kernel(count);
  gpu.dispatch({
    label: "topK",
    source,
    constants: { THREADS: threads },
    inputs: [tile],
    outputs: [best.ids, best.scores],
    uniform: { N, width: count / vec, first, k },
    grid: N,
  });
}

function expectK(op: string, k: number, V: number): void {
  const valid = (n: number) => Number.isInteger(n) && n >= 1 && n <= MAX_K;
  expectNumber(`run ${op}`, "k", k, valid, `an integer from 1 to ${MAX_K}`);
  if (k > V) {
    throw new RangeError(`Cannot run ${op}: k is ${k}, but there are only ${V} classes`);
  }
}
