/** The backward pass of a batch whose rows are divided among ranks: gradients are summed over these. */

import { type MergedGradient, mergeRows, type SparseGradient } from "../accumulate/merge_rows.ts";
import type { Flow } from "../autograd/gradient_sums.ts";
import type { Gradients } from "../autograd/gradients.ts";
import { gradientSumsOf, type Step } from "../autograd/step.ts";
import type { TiledGradient } from "../autograd/tiled_gradient.ts";
import { type Communicator, expectCommunicator } from "./communicator.ts";
import { catchUpRows } from "../device/pending.ts";
import { tensorLike } from "../device/scope.ts";
import { ReturnedRows } from "./returned_rows.ts";
import { expectStep, type Tensor } from "../device/tensor.ts";
import { concatenated, readByTensor, readerOf, sumOfSquares } from "./arrays.ts";
import { gatherRows, type Rows } from "./gather_rows.ts";

/** Bytes of a tile of a summed gradient. */
const TILE_BYTES = 16 * 2 ** 20;

/** Sums over all ranks. */
export interface Across {
  /** The gradients of the sum of the losses. */
  readonly gradients: Gradients;
  /** [1] The sum of the losses. */
  readonly loss: Tensor;
  /** The sums of the extra numbers. */
  readonly extra: Float32Array;
}

/**
 * Goes backward from `loss`, this rank's part of a sum over ranks, and returns the sums over all ranks, which
 * have the same bits on each. All ranks call it, on the same model.
 *
 * Everything dense is one message, and so are rows that all ranks share, such as those of shared noise; rows
 * that each rank has of its own are gathered; those of a table that is divided go to the rank that holds them.
 * The gradient of a table that is tiled is held in the host's memory.
 *
 * @param extra Numbers, as many on each rank, that are summed in the same message.
 * @throws {TypeError} As {@linkcode Step.backward}, or if the ranks' gradients do not fit each other.
 */
export async function backwardAcross(
  step: Step,
  loss: Tensor,
  communicator: Communicator,
  extra: Float32Array = new Float32Array(),
): Promise<Across> {
  expectStep("backwardAcross", step);
  expectCommunicator("sum over ranks", communicator);
  const sums = gradientSumsOf(step, loss);
  if (communicator.size === 1) return { gradients: sums.finish(), loss, extra };
  const returned = new ReturnedRows(step, sums);
  const local = sums.reached().map(([tensor, flow]) => localOf(step, tensor, flow));
  const tiles = local.map(({ tensor, tiled }) => tiled && readTiles(step, tensor, tiled));
  const ranks = await sumOver(communicator, step, { loss, local, returned, extra });
  const { totals, rows } = ranks;
  for (const [i, { tensor, dense, isOwn, shared }] of local.entries()) {
    const whole = await tiles[i], gathered = rows.get(tensor);
    if (whole) await communicator.sum(whole);
    sums.replace(tensor, {
      dense: dense && totals.get(dense),
      isOwn,
      tiled: whole && inTiles(step, tensor, whole),
      sparse: [
        ...shared.map(({ ids, values }) => sparse(ids, totals.get(values)!)),
        ...gathered ? [gathered] : [],
      ],
    });
  }
  // A row that only other ranks have read is brought up to date as it was there: ranks stay equal.
  for (const [table, { ids }] of rows) catchUpRows(table, ids);
  return { gradients: sums.finish(), loss: totals.get(loss)!, extra: ranks.extra };
}

/** What has reached a tensor on this rank, by the way in which it is summed over ranks. */
interface LocalGradient {
  readonly tensor: Tensor;
  readonly dense?: Tensor | undefined;
  /** Whether nobody else has `dense`: then nobody else gets its sum. */
  readonly isOwn?: boolean | undefined;
  readonly tiled?: TiledGradient | undefined;
  /** Rows that all ranks have: only their values are summed. */
  readonly shared: readonly SparseGradient[];
  /** Rows that this rank has: those of all ranks are gathered. */
  readonly rows?: MergedGradient;
}

function localOf(step: Step, tensor: Tensor, flow: Readonly<Flow>): LocalGradient {
  const { dense, isOwn, tiled, sparse } = flow;
  const isShared = ({ ids, coefficients }: SparseGradient) => step.isShared(ids) && !coefficients;
  const shared = sparse.filter(isShared), others = sparse.filter((part) => !isShared(part));
  return {
    ...{ tensor, dense, isOwn, tiled, shared },
    ...(others.length > 0 && { rows: mergeRows(step, tensor, others) }),
  };
}

/** What this rank has. */
interface Summands {
  readonly loss: Tensor;
  readonly local: readonly LocalGradient[];
  readonly returned: ReturnedRows;
  readonly extra: Float32Array;
}

/** Sums over the ranks, on the device. */
interface RankSums {
  /** The sum of each dense tensor of this rank, the loss among them. */
  readonly totals: ReadonlyMap<Tensor, Tensor>;
  /** Of each table the rows of all ranks. */
  readonly rows: ReadonlyMap<Tensor, SparseGradient>;
  readonly extra: Float32Array;
}

/** Sums all but what is tiled: one message of what is dense, and two of rows. */
async function sumOver(
  communicator: Communicator,
  step: Step,
  { loss, local, returned, extra }: Summands,
): Promise<RankSums> {
  const summed = [
    loss,
    ...local.flatMap(({ dense }) => dense ?? []),
    ...local.flatMap(({ shared }) => shared.map(({ values }) => values)),
  ];
  const groups = groupsOf(local), values = groups.flat().map(({ values }) => values);
  const [ids, floats] = await Promise.all([
    readByTensor<Uint32Array>(step, groups.map(([first]) => first!.ids)),
    readByTensor<Float32Array>(step, [...summed, ...values, ...returned.tensors]),
  ]);
  const squares = await returned.send(communicator, floats);
  const sent = [...summed.map((tensor) => floats.get(tensor)!), squares, extra];
  const message = concatenated(Float32Array, sent);
  const own = groups.map((group): Rows => ({
    ids: ids.get(group[0]!.ids)!,
    widths: group.map(({ table }) => table.size / table.shape[0]!),
    values: group.map(({ values }) => floats.get(values)!),
  }));
  const gathered = await gatherRows(communicator, message.length, own);
  await communicator.sum(message);
  const next = readerOf([message]), sums = sent.map(({ length }) => next(0, length));
  const [allSquares, allExtra] = sums.slice(summed.length);
  // All is uploaded before anything is recorded, so that nothing has to be submitted in between.
  const totals = new Map(
    summed.map((tensor, i) => [tensor, uploadedLike(step, tensor, sums[i]!)]),
  );
  returned.set(allSquares!);
  const rows = new Map(groups.flatMap((group, i) => uploaded(step, group, gathered[i]!)));
  return { totals, rows, extra: allExtra! };
}

function uploadedLike(step: Step, tensor: Tensor, numbers: Float32Array): Tensor {
  const like = tensorLike(step, tensor);
  step.gpu.write(like, numbers);
  return like;
}

/** Rows that this rank has of a table. */
interface LocalRows extends MergedGradient {
  readonly table: Tensor;
}

/** Tables by the ids of their own rows: a weight and its bias have the same, which are then sent and sorted once. */
function groupsOf(local: readonly LocalGradient[]): LocalRows[][] {
  const all = local.flatMap(({ tensor, rows }) => rows ? [{ ...rows, table: tensor }] : []);
  return [...Map.groupBy(all, ({ ids }) => ids).values()];
}

/** The rows of all ranks for each table of a group, which share the tensor of their ids. */
function uploaded(
  step: Step,
  group: readonly LocalRows[],
  { ids, widths, values }: Rows,
): [table: Tensor, rows: SparseGradient][] {
  const all = step.upload(ids);
  return group.map(({ table }, i) => {
    return [table, sparse(all, step.upload(values[i]!, [ids.length, widths[i]!]))];
  });
}

function sparse(ids: Tensor, values: Tensor): SparseGradient {
  return { kind: "sparse", ids, values };
}

/** The whole of a tiled gradient in the host's memory: the tiles of ranks with more rows are smaller. */
async function readTiles(
  { gpu }: Step,
  table: Tensor,
  tiles: TiledGradient,
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
function inTiles(step: Step, table: Tensor, whole: Float32Array): TiledGradient {
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
