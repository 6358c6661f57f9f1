/** The backward pass of a batch whose rows are divided among ranks: gradients are summed over these. */

import {
  type MergedGradient,
  mergeRows,
  type SparseGradient,
  UNUSED,
} from "../accumulate/merge_rows.ts";
import { type Flow, joinTiles } from "../autograd/gradient_sums.ts";
import type { Gradients } from "../autograd/gradients.ts";
import { gradientSumsOf, type Step } from "../autograd/step.ts";
import type { TiledGradient } from "../autograd/tiled_gradient.ts";
import { type Communicator, expectCommunicator } from "./communicator.ts";
import { catchUpRows } from "../device/pending.ts";
import { tensorLike } from "../device/scope.ts";
import { ReturnedRows } from "./returned_rows.ts";
import { expectStep, type Tensor } from "../device/tensor.ts";
import { concatenated, readerOf, readTogether, sumOfSquares } from "./arrays.ts";

/** Bytes of a tile of a summed gradient. */
const TILE_BYTES = 16 * 2 ** 20;

/** Sums over all ranks. */
export interface Across {
  /** The gradients of the sum of the losses. */
  readonly gradients: Gradients;
  /** [1] The sum of the losses. */
  readonly loss: Tensor;
  /** The sums of the numbers that were sent along. */
  readonly along: Float32Array;
}

/**
 * Goes backward from `loss`, this rank's part of a sum over ranks, and returns the sums over all ranks, which
 * have the same bits on each. All ranks call it, on the same model.
 *
 * Everything dense is one message, and so are rows that all ranks share, such as those of shared noise; rows
 * that each rank has of its own are gathered; those of a table that is divided go to the rank that holds them.
 * The gradient of a table that is tiled is held in the host's memory.
 *
 * @param along Numbers, as many on each rank, that are summed in the same message.
 * @throws {TypeError} As {@linkcode Step.backward}, or if the ranks' gradients do not fit each other.
 */
export async function backwardAcross(
  step: Step,
  loss: Tensor,
  communicator: Communicator,
  along: Float32Array = new Float32Array(),
): Promise<Across> {
  expectStep("backwardAcross", step);
  expectCommunicator("sum over ranks", communicator);
  const sums = gradientSumsOf(step, loss);
  if (communicator.size === 1) return { gradients: sums.finish(), loss, along };
  const reduction = new Reduction(step, loss, new ReturnedRows(step, sums));
  for (const [tensor, flow] of sums.flows) reduction.add(tensor, flow);
  return { ...await reduction.run(communicator, along), gradients: sums.finish() };
}

/** Rows of this rank's own, and who gets the gathered ones. */
interface OwnRows {
  readonly ids: Tensor;
  readonly tables: { readonly table: Tensor; readonly flow: Flow; readonly values: Tensor }[];
}

/** The gradients of a step, by the way in which they are summed. */
class Reduction {
  readonly #step: Step;
  readonly #dense: { readonly tensor: Tensor; set(sum: Tensor): void }[] = [];
  /** By their ids: a weight and its bias have the same, which are then sent and sorted once. */
  readonly #rows = new Map<Tensor, OwnRows>();
  readonly #tiled: {
    readonly table: Tensor;
    readonly flow: Flow;
    readonly tiles: TiledGradient;
  }[] = [];
  readonly #returned: ReturnedRows;
  #loss: Tensor;

  constructor(step: Step, loss: Tensor, returned: ReturnedRows) {
    this.#step = step;
    this.#returned = returned;
    this.#loss = loss;
    this.#dense.push({ tensor: loss, set: (sum) => this.#loss = sum });
  }

  /** Takes a tensor's gradients, which {@linkcode run} replaces by their sums. */
  add(table: Tensor, flow: Flow): void {
    const step = this.#step;
    joinTiles(step, table, flow);
    if (flow.tiled) this.#tiled.push({ table, flow, tiles: flow.tiled });
    if (flow.dense) this.#dense.push({ tensor: flow.dense, set: (sum) => flow.dense = sum });
    const own: SparseGradient[] = [];
    for (const part of flow.sparse.splice(0)) {
      if (step.isShared(part.ids) && !part.coefficients) this.#addShared(flow, part);
      else own.push(part);
    }
    if (own.length > 0) this.#addRows(table, flow, mergeRows(step, table, own));
  }

  #addShared(flow: Flow, { ids, values }: SparseGradient): void {
    this.#dense.push({
      tensor: values,
      set: (sum) => flow.sparse.push({ kind: "sparse", ids, values: sum }),
    });
  }

  #addRows(table: Tensor, flow: Flow, { ids, values }: MergedGradient): void {
    const rows = this.#rows.get(ids) ?? { ids, tables: [] };
    rows.tables.push({ table, flow, values });
    this.#rows.set(ids, rows);
  }

  async run(communicator: Communicator, along: Float32Array): Promise<Omit<Across, "gradients">> {
    const step = this.#step,
      rows = [...this.#rows.values()],
      tiles = this.#tiled.map((tiled) => readTiles(step, tiled));
    const values = rows.flatMap(({ tables }) => tables.map(({ values }) => values));
    const dense = this.#dense.map(({ tensor }) => tensor), returned = this.#returned;
    const [ids, floats] = await Promise.all([
      readTogether(step, rows.map(({ ids }) => ids)) as Promise<Uint32Array[]>,
      readTogether(step, [...dense, ...values, ...returned.tensors]) as Promise<Float32Array[]>,
    ]);
    const squares = await returned.send(communicator, floats.splice(dense.length + values.length));
    const message = concatenated(Float32Array, [
      ...floats.slice(0, dense.length),
      ...[squares, along],
    ]);
    const gathered = await gatherRows(communicator, message.length, rows, {
      ids,
      values: floats.slice(dense.length),
    });
    await communicator.sum(message);
    // All is uploaded before anything is recorded, so that nothing has to be submitted in between.
    let at = 0;
    for (const { tensor, set } of this.#dense) {
      const sum = tensorLike(step, tensor);
      step.gpu.write(sum, message.subarray(at, at += tensor.size));
      set(sum);
    }
    returned.set(message.subarray(at, at += squares.length));
    const caught = rows.map(({ tables }, i) => setRows(step, tables, gathered[i]!));
    for (const [i, { flow, table }] of this.#tiled.entries()) {
      const whole = await tiles[i]!;
      await communicator.sum(whole);
      flow.tiled = tilesOf(step, table, whole);
    }
    // A row that only other ranks have read is brought up to date as it was there: ranks stay equal.
    for (const [i, { tables }] of rows.entries()) {
      for (const { table } of tables) catchUpRows(table, caught[i]!);
    }
    return { loss: this.#loss, along: message.subarray(at) };
  }
}

/** The rows of all ranks: ids, and the values of each table. */
interface Rows {
  readonly ids: Uint32Array;
  readonly values: readonly Float32Array[];
}

/**
 * Gathers the rows of all ranks, one message of ids and one of values.
 *
 * @throws {TypeError} If the ranks have another number of dense elements, or other tables.
 */
async function gatherRows(
  communicator: Communicator,
  dense: number,
  rows: readonly OwnRows[],
  own: { readonly ids: readonly Uint32Array[]; readonly values: readonly Float32Array[] },
): Promise<Rows[]> {
  const used = own.ids.map((ids) => ids.includes(UNUSED) ? ids.indexOf(UNUSED) : ids.length);
  const widths = rows.map(({ tables }) => tables.map(({ table }) => table.size / table.shape[0]!));
  const header = Uint32Array.of(dense, widths.length, ...widths.flat());
  const ids = own.ids.map((ids, i) => ids.subarray(0, used[i]));
  const columns = widths.flatMap((all, i) => all.map((width) => used[i]! * width));
  const values = own.values.map((all, i) => all.subarray(0, columns[i]));
  const allIds = await communicator.gather(
    concatenated(Uint32Array, [header, Uint32Array.from(used), ...ids]),
  );
  const nextIds = readerOf(allIds);
  const headers = allIds.map((_, k) => nextIds(k, header.length));
  const other = headers.findIndex((theirs) => header.some((size, i) => theirs[i] !== size));
  if (other >= 0) {
    throw new TypeError(
      `Cannot sum gradients: those of rank ${other} do not fit those of rank ${communicator.rank}`,
    );
  }
  const nextValues = readerOf(await communicator.gather(concatenated(Float32Array, values)));
  const counts = allIds.map((_, k) => nextIds(k, rows.length));
  return widths.map((all, i) => ({
    ids: concatenated(Uint32Array, counts.map((own, k) => nextIds(k, own[i]!))),
    values: all.map((width) =>
      concatenated(Float32Array, counts.map((own, k) => nextValues(k, own[i]! * width)))
    ),
  }));
}

/** Gives the tables the rows of all ranks; returns the ids. */
function setRows(step: Step, tables: OwnRows["tables"], { ids, values }: Rows): Tensor {
  const all = step.upload(ids);
  tables.forEach(({ table, flow }, i) => {
    const W = table.size / table.shape[0]!;
    flow.sparse.push({
      kind: "sparse",
      ids: all,
      values: step.upload(values[i]!, [ids.length, W]),
    });
  });
  return all;
}

/** The whole of a tiled gradient in the host's memory: the tiles of ranks with more rows are smaller. */
async function readTiles(
  { gpu }: Step,
  { table, tiles }: { readonly table: Tensor; readonly tiles: TiledGradient },
): Promise<Float32Array> {
  const whole = new Float32Array(table.size), width = table.size / table.shape[0]!;
  const reads: Promise<void>[] = [];
  tiles.forEach((first, rows) => {
    reads.push(gpu.read(rows).then((tile) => whole.set(tile, first * width)));
  });
  await Promise.all(reads);
  return whole;
}

/** The summed gradient `whole` of `table`, in tiles. */
function tilesOf(step: Step, table: Tensor, whole: Float32Array): TiledGradient {
  const { gpu } = step, V = table.shape[0]!, width = table.size / V;
  const count = Math.max(64, Math.floor(TILE_BYTES / 4 / width / 64) * 64);
  return {
    kind: "tiled",
    sumOfSquares: step.upload(Float32Array.of(sumOfSquares(whole))),
    forEach(use) {
      for (let first = 0; first < V; first += count) {
        const rows = Math.min(count, V - first);
        using tile = gpu.temporary([rows, width]);
        gpu.write(tile, whole.subarray(first * width, (first + rows) * width));
        use(first, tile);
      }
    },
  };
}
