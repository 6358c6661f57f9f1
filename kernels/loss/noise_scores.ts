/** Noise samples that do not count, and how many equal their target. */

import { expectBoolean, expectInteger, expectNames, expectObject } from "../device/expect.ts";
import { expectRounds } from "../device/rounds.ts";
import { ownColumns, partLaunch, withPart } from "../random/part.ts";
import kernel from "./noise_scores.wgsl" with { type: "text" };
import type { Step } from "../autograd/step.ts";
import { expectFloats, expectShape, expectTensor, type Tensor } from "../device/tensor.ts";

const source = withPart(kernel);

/** Which samples do not count. */
export interface Exclusion {
  /** Column of the batch's row 0 that holds its own target; row n's is n further on. */
  ownSlot?: number;
  /** Samples equal to the row's target. */
  hits?: boolean;
}

/** The ids of targets [N] and of their noise: [K], or [N, K]. */
export interface NoiseIds {
  /** [N] */
  readonly target: Tensor;
  /** [K] ids that all targets share, or [N, K]. */
  readonly noise: Tensor;
}

/** Checks the ids of N targets and K noise samples. */
function perRow(op: string, { target, noise }: NoiseIds, N: number, K: number) {
  expectShape(op, "target", target, [N], "u32");
  expectTensor(op, "noise", noise);
  const PER_ROW = noise.shape.length === 2 ? 1 : 0;
  expectShape(op, "noise", noise, PER_ROW ? [N, K] : [K], "u32");
  return { PER_ROW };
}

/**
 * `scores` [N, K] with those that `exclusion` names replaced by -1e30, which takes them out of every
 * loss: their probability and their gradient are exactly zero.
 */
export function exclude(step: Step, scores: Tensor, ids: NoiseIds, exclusion: Exclusion): Tensor {
  expectFloats("exclude", step, { scores });
  expectObject("run exclude", "ids", ids, "an object");
  expectNames("run exclude", "exclusion", exclusion, ["ownSlot", "hits"]);
  const { ownSlot, hits = false } = exclusion;
  expectBoolean("run exclude", "hits", hits);
  const [N, K] = [scores.shape[0]!, scores.shape[1]!];
  expectShape("exclude", "scores", scores, [N, K]);
  if (ownSlot !== undefined) expectInteger("run exclude", "ownSlot", ownSlot, K - 1);
  const { PER_ROW } = perRow("exclude", ids, N, K), part = partLaunch(step.part);
  const output = step.tensor(scores.shape);
  step.gpu.dispatch({
    label: "exclude",
    source,
    entry: "exclude",
    constants: {
      ...part.constants,
      OWN_SLOT: ownSlot === undefined ? 0 : 1,
      HITS: hits ? 1 : 0,
      PER_ROW,
    },
    inputs: [ids.target, ids.noise, scores],
    outputs: [output],
    uniform: { N, K, own: ownSlot ?? 0, ...part.uniform },
    grid: Math.ceil(scores.size / 64),
  });
  // The losses give excluded scores a gradient of zero, so it can pass through.
  return step.record({ name: "exclude", inputs: [scores], output, backward: (dOut) => [dOut] });
}

/**
 * Adds to `counts` [4] of u32 how many noise samples equal their target, and how many are compared: two numbers,
 * each the low word and the high. Targets whose number in `weights` [N] is 0 are left out; if `ownSlot` is given,
 * a target's own place, too (see {@linkcode Exclusion}).
 */
export function countHits(
  step: Step,
  counts: Tensor,
  ids: NoiseIds,
  weights: Tensor,
  ownSlot?: number,
): void {
  const N = ids.target.size, K = ids.noise.shape[ids.noise.shape.length - 1]!;
  expectShape("countHits", "weights", weights, [N]);
  if (step.part && ownColumns(step.part) === 0) return; // the one column that is computed does not count
  const { rowThreads, family } = step.gpu, rows = family === "hardware" ? 4 : 1;
  expectRounds("countHits", step.gpu, "samples", K, K / rowThreads);
  const own = ownSlot !== undefined, part = partLaunch(step.part);
  step.gpu.dispatch({
    label: "countHits",
    source,
    entry: "hits",
    constants: {
      ...part.constants,
      OWN_SLOT: own ? 1 : 0,
      THREADS: rowThreads,
      HIT_ROWS: rows,
      ...perRow("countHits", ids, N, K),
    },
    inputs: [ids.target, ids.noise, weights],
    outputs: [counts],
    uniform: { N, K, own: ownSlot ?? 0, ...part.uniform },
    grid: Math.ceil(N / rows),
  });
}
