/** Scores all classes by a GRU step, a tile at a time, for exact normalisation. */

import { sumOf } from "../accumulate/add.ts";
import { partEdges } from "../device/parts.ts";
import { tensorLike } from "../device/scope.ts";
import type { TileGradient, TileScorer } from "../loss/class_tiles.ts";
import { checkHead } from "./gru_pair.ts";
import { SharedWordGradients } from "./gru_pair_gradients.ts";
import { type GRUContexts, pairScores, type ScoreHead } from "./gru_pair_kernels.ts";
import { matmulInto } from "../matmul/matmul.ts";
import { weightFor } from "../matmul/weight.ts";
import { columnSums } from "../matmul/column_sums.ts";
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
  const { N, H } = checkHead("gruTileScorer", contexts, head);
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
    backward: () => new Gradient(step, classes, read, contexts, head, gatesOf),
  };
}

class Gradient implements TileGradient {
  readonly #step: Step;
  readonly #classes: GRUClasses;
  /** What products read of the weight. */
  readonly #read: Tensor;
  readonly #contexts: GRUContexts;
  readonly #head: ScoreHead;
  readonly #gatesOf: (first: number, count: number) => Tensor;
  readonly #dTable: Tensor;
  readonly #dWeight: Tensor;
  #dBias: Tensor | undefined;
  #pairs: SharedWordGradients | undefined;

  constructor(
    step: Step,
    classes: GRUClasses,
    read: Tensor,
    contexts: GRUContexts,
    head: ScoreHead,
    gatesOf: (first: number, count: number) => Tensor,
  ) {
    this.#step = step;
    this.#classes = classes;
    this.#read = read;
    this.#contexts = contexts;
    this.#head = head;
    this.#gatesOf = gatesOf;
    this.#dTable = tensorLike(step, classes.table);
    this.#dWeight = step.tensor(classes.weightIh.shape);
  }

  add(first: number, count: number, dScores: Tensor): void {
    const step = this.#step, { gpu } = step, { table, biasIh } = this.#classes;
    this.#pairs ??= new SharedWordGradients(step, this.#contexts, this.#head, count);
    using gates = this.#gatesOf(first, count);
    using dGates = gpu.temporary(gates.shape);
    this.#pairs.add(dGates, gates, dScores, first);
    using tile = floatRows(gpu, table, first, count);
    using dTile = this.#dTable.slice(first, count);
    matmulInto(gpu, dTile, dGates, this.#read);
    const accumulate = first > 0;
    matmulInto(gpu, this.#dWeight, dGates, tile, { transposeA: true, accumulate });
    const dBias = step.tensor(biasIh.shape);
    columnSums(gpu, dBias, dGates);
    this.#dBias = this.#dBias ? sumOf(step, this.#dBias, dBias) : dBias;
  }

  finish(): Tensor[] {
    using pairs = this.#pairs!;
    const common = pairs.finish();
    // A number added to all scores does not change the softmax.
    const dScorerBias = this.#step.tensor([1]);
    this.#step.gpu.clear(dScorerBias);
    const own = [this.#dTable, this.#dWeight, this.#dBias!];
    return [...own, common.gates, common.hidden, common.weight, dScorerBias];
  }
}
