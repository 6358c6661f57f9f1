/** Scores all classes by a GRU step, a tile at a time, for exact normalisation. */

import { sumOf } from "../accumulate/add.ts";
import { partEdges } from "../device/parts.ts";
import { tensorLike, zeros } from "../device/scope.ts";
import type { TileGradient, TileScorer } from "../loss/class_tiles.ts";
import { expectHead } from "./gru_pair.ts";
import { type SharedWordGradients, sharedWordGradients } from "./gru_pair_gradients.ts";
import { type GRUContexts, pairScores, type ScoreHead } from "./gru_pair_kernels.ts";
import { matmulInto } from "../matmul/matmul.ts";
import { weightFor } from "../matmul/weight.ts";
import { columnSums } from "../matmul/column_sums.ts";
import { sum } from "../elementwise/reduce.ts";
import type { Step } from "../autograd/step.ts";
import { expectShape, type Tensor } from "../device/tensor.ts";
import { floatRows } from "../elementwise/halves.ts";

/** The classes' vectors, and the weights that take them to the gates of a GRU. */
export interface GRUClasses {
  /** [V, E] */
  readonly table: Tensor;
  /** [3H, E] */
  readonly weightIh: Tensor;
  /** [3H] */
  readonly biasIh: Tensor;
}

/** The scores of `gruPairScore` for all classes, for `tiledCrossEntropy`. */
export function gruTileScorer(
  step: Step,
  classes: GRUClasses,
  contexts: GRUContexts,
  head: ScoreHead,
): TileScorer {
  const { N, H } = expectHead("gruTileScorer", contexts, head);
  const { table, weightIh, biasIh } = classes, E = table.shape[1]!;
  expectShape("gruTileScorer", "weightIh", weightIh, [3 * H, E]);
  expectShape("gruTileScorer", "biasIh", biasIh, [3 * H]);
  const read = weightFor(step, weightIh);
  const gatesOf = (first: number, count: number) => {
    const gates = step.gpu.temporary([count, 3 * H]);
    using tile = floatRows(step.gpu, table, first, count);
    matmulInto(step.gpu, gates, tile, read, { transposeB: true, bias: biasIh });
    return gates;
  };
  return {
    rows: N,
    classes: table.shape[0]!,
    edges: partEdges(table),
    floatsPerClass: 3 * H,
    inputs: [
      ...[table, weightIh, biasIh],
      ...[contexts.gates, contexts.hidden, head.weight, head.bias],
    ],
    scores(first, count) {
      using gates = gatesOf(first, count);
      return pairScores(step, contexts, gates, head, first);
    },
    backward: (_, dShift) => gradientOf(step, classes, read, contexts, head, gatesOf, dShift),
  };
}

/** `read` is what products read of the weight. */
function gradientOf(
  step: Step,
  { table, weightIh, biasIh }: GRUClasses,
  read: Tensor,
  contexts: GRUContexts,
  head: ScoreHead,
  gatesOf: (first: number, count: number) => Tensor,
  dShift?: () => Tensor,
): TileGradient {
  const { gpu } = step, dTable = tensorLike(step, table), dWeight = step.tensor(weightIh.shape);
  let dBias: Tensor | undefined, pairs: SharedWordGradients | undefined;
  return {
    add(first, count, dScores) {
      pairs ??= sharedWordGradients(step, contexts, head, count);
      using gates = gatesOf(first, count);
      using dGates = gpu.temporary(gates.shape);
      pairs.add(dGates, gates, dScores, first);
      using tile = floatRows(gpu, table, first, count);
      using dTile = dTable.slice(first, count);
      matmulInto(gpu, dTile, dGates, read);
      matmulInto(gpu, dWeight, dGates, tile, { transposeA: true, accumulate: first > 0 });
      const dTileBias = step.tensor(biasIh.shape);
      columnSums(gpu, dTileBias, dGates);
      dBias = dBias ? sumOf(step, dBias, dTileBias) : dTileBias;
    },
    finish() {
      using all = pairs!;
      const { contextGates, hidden, weight } = all.finish();
      // The bias is added to all scores.
      const dScorerBias = dShift ? sum(step, dShift()) : zeros(step, [1]);
      return [dTable, dWeight, dBias!, contextGates, hidden, weight, dScorerBias];
    },
  };
}
