/** Exact softmax cross entropy; scores that are too many to be kept are computed in tiles. */

import crossEntropySource from "./cross_entropy.wgsl" with { type: "text" };
import { rowLanes, withVec } from "../device/vec.ts";
import type { Device } from "../device/device.ts";
import {
  type EachTile,
  expectScorer,
  mayBeKept,
  scoresOf,
  takesLong,
  type Tile,
  type TileScorer,
  tilesOf,
} from "./class_tiles.ts";
import type { Step } from "../autograd/step.ts";
import { versionOf } from "../device/parts.ts";
import { zeros } from "../device/scope.ts";
import { add, scale } from "../elementwise/arithmetic.ts";
import { expectIds, expectShape, storageIn, type Tensor } from "../device/tensor.ts";
import { dropTexels } from "../device/texels.ts";

const kernel = withVec(crossEntropySource);

/** Classes of a tile that one thread sums: llvmpipe ends a thread's loops after 65,535 rounds. */
const THREAD_CLASSES = 2 ** 14;

/** Vecs of a row's gradient that a GPU's thread takes: to begin a thread costs more than a round of a loop. */
const GRADIENT_VECS = 4;

/** Exact scores of targets: ln p(target) = score - logZ. */
export interface NormalizedScores {
  /** [N] s(target) */
  readonly score: Tensor;
  /**
   * [N] ln sum over v of exp(s(v)), summed in float32. If one class is far above all others, those that are summed
   * with it are partly lost: 17 above each of 1e7 others, ln Z is 1.2e-4 too low.
   */
  readonly logZ: Tensor;
}

/** Launches `entry` of the kernel for a tile of V classes. */
function launch(
  gpu: Device,
  entry: "accumulate" | "gradient",
  [N, V]: readonly [number, number],
  inputs: Tensor[],
  outputs: Tensor[],
  { first, count }: Tile,
): void {
  const { source, vec } = kernel(count), width = count / vec;
  const lanes = rowLanes(gpu, width, 1, GRADIENT_VECS), sums = entry === "accumulate";
  const constants = { THREADS: gpu.rowThreads, LAST: first + count === V ? 1 : 0 };
  gpu.dispatch({
    label: `crossEntropy.${entry}`,
    source,
    entry,
    constants: sums ? constants : {}, // read by this entry alone
    inputs,
    outputs,
    uniform: { N, width, lanes, first },
    grid: sums ? N : Math.ceil(N * lanes / 64),
  });
}

/**
 * Exact cross entropy `loss[n] = ln Z[n] - s(target[n])` [N] of any scorer, and its parts.
 *
 * At most `scorer.heldBytes` of the N x V scores exist at a time, unless all fit `scorer.keptBytes`: then they
 * are kept for the backward pass. Else they are computed in tiles of classes, again whenever they are needed.
 * Gradients flow through `loss` and `logZ`: that of s(v) is `p(v) (dLoss + dLogZ) - [v is the target] dLoss`.
 */
export function tiledCrossEntropy(
  step: Step,
  scorer: TileScorer,
  target: Tensor,
): NormalizedScores & { loss: Tensor } {
  return crossEntropyOf("tiledCrossEntropy", step, scorer, target);
}

/** {@linkcode tiledCrossEntropy} for the operation `op`. */
export function crossEntropyOf(
  op: string,
  step: Step,
  scorer: TileScorer,
  target: Tensor,
): NormalizedScores & { loss: Tensor } {
  expectScorer(op, step, scorer);
  const { rows: N, classes: V } = scorer, { gpu } = step;
  expectShape(op, "target", target, [N], "u32");
  const tiles = tilesOf(gpu, op, scorer, gpu.rowThreads * THREAD_CLASSES);
  expectIds(op, target, V, "targets");
  const state = step.tensor([N, 2]);
  const [loss, logZ, score] = [step.tensor([N]), step.tensor([N]), step.tensor([N])];
  const keep = mayBeKept(gpu, scorer) && step.needsGradient(...scorer.inputs);
  const long = takesLong(scorer);
  const kept: Tensor[] = [];
  for (const tile of tiles) {
    const scores = scoresOf(op, scorer, tile);
    launch(gpu, "accumulate", [N, V], [scores, target], [state, loss, logZ, score], tile);
    if (keep) kept.push(step.own(scores));
    else scores.dispose();
    if (long) gpu.submit();
  }
  let dLossFound: Tensor | undefined;
  step.record({
    name: "crossEntropy",
    inputs: scorer.inputs,
    output: logZ,
    backward: (dLogZ) => {
      const dLoss = dLossFound ?? zeros(step, [N]);
      const differentiate = (scores: Tensor, tile: Tile) => {
        launch(gpu, "gradient", [N, V], [dLoss, target, logZ, dLogZ], [scores], tile);
        return scores;
      };
      kept.forEach((scores, i) => differentiate(scores, tiles[i]!));
      const expectSame = watch([...scorer.inputs, target, dLoss, dLogZ]);
      const eachTile: EachTile = (use) => {
        expectSame();
        for (const [i, tile] of tiles.entries()) {
          const { first, count } = tile;
          using dScores = kept[i]?.slice(0, N) ??
            differentiate(scoresOf(op, scorer, tile), tile);
          use(first, count, dScores);
          dropTexels(storageIn(dScores));
          if (long) gpu.submit();
        }
      };
      const dShift = () => add(step, dLogZ, scale(step, dLoss, -1));
      const gradient = scorer.backward(eachTile, dLogZ === dLoss ? undefined : dShift);
      eachTile((first, count, dScores) => gradient.add(first, count, dScores));
      return gradient.finish();
    },
  });
  step.record({
    name: "crossEntropy",
    inputs: [logZ], // loss = logZ - score: its gradient is a part of that of logZ
    output: loss,
    backward: (dLoss) => [dLossFound = dLoss],
  });
  return { loss, logZ, score };
}

/** Remembers the versions of `tensors`; the result throws a TypeError if one has changed. */
function watch(tensors: readonly Tensor[]): () => void {
  const versions = tensors.map(versionOf);
  return () => {
    const changed = tensors.find((tensor, i) => versionOf(tensor) !== versions[i]);
    if (!changed) return;
    throw new TypeError(
      `Cannot compute crossEntropy's gradient: a tensor [${changed.shape}] has changed since the ` +
        "backward pass; ask for the gradient, or update by it, before that",
    );
  };
}
