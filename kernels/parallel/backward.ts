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
import { readTogether, sumOfSquares } from "./arrays.ts";
import { gatherRows, type Rows } from "./gather_rows.ts";
import { lengthOf, readSections, sumSections } from "./sections.ts";

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
  const returned = new ReturnedRows(step, sums);
  const own = sums.reached().map(([tensor, flow]) => ownOf(step, tensor, flow));
  const tiles = own.map(({ tensor, tiled }) => tiled && readTiles(step, tensor, tiled));
  const over = await sumOver(communicator, step, loss, own, returned, along);
  for (const [i, { tensor, dense, isOwn, shared }] of own.entries()) {
    const whole = await tiles[i], rows = over.rows.get(tensor);
    if (whole) await communicator.sum(whole);
    sums.replace(tensor, {
      dense: dense && over.totals.get(dense),
      isOwn,
      tiled: whole && tilesOf(step, tensor, whole),
      sparse: [
        ...shared.map(({ ids, values }) => sparse(ids, over.totals.get(values)!)),
        ...rows ? [rows] : [],
      ],
    });
  }
  // A row that only other ranks have read is brought up to date as it was there: ranks stay equal.
  for (const [table, { ids }] of over.rows) catchUpRows(table, ids);
  return { gradients: sums.finish(), loss: over.totals.get(loss)!, along: over.along };
}

/** What has reached a tensor on this rank, by the way in which it is summed over ranks. */
interface Own {
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

function ownOf(step: Step, tensor: Tensor, flow: Readonly<Flow>): Own {
  const { dense, isOwn, tiled, sparse } = flow;
  const isShared = ({ ids, coefficients }: SparseGradient) => step.isShared(ids) && !coefficients;
  const shared = sparse.filter(isShared), others = sparse.filter((part) => !isShared(part));
  return {
    ...{ tensor, dense, isOwn, tiled, shared },
    ...(others.length > 0 && { rows: mergeRows(step, tensor, others) }),
  };
}

/** Sums over the ranks, on the device. */
interface Over {
  /** The sum of each dense tensor of this rank, the loss among them. */
  readonly totals: ReadonlyMap<Tensor, Tensor>;
  /** Of each table the rows of all ranks. */
  readonly rows: ReadonlyMap<Tensor, SparseGradient>;
  readonly along: Float32Array;
}

/** Sums all but what is tiled: one message of what is dense, and two of rows. */
async function sumOver(
  communicator: Communicator,
  step: Step,
  loss: Tensor,
  own: readonly Own[],
  returned: ReturnedRows,
  along: Float32Array,
): Promise<Over> {
  const summed = [
    loss,
    ...own.flatMap(({ dense }) => dense ?? []),
    ...own.flatMap(({ shared }) => shared.map(({ values }) => values)),
  ];
  const groups = groupsOf(own), values = groups.flat().map(({ values }) => values);
  const [ids, floats] = await Promise.all([
    readTogether(step, groups.map(([first]) => first!.ids)) as Promise<Uint32Array[]>,
    readSections(step, { summed, rows: values, returned: returned.tensors }),
  ]);
  const squares = await returned.send(communicator, floats.returned);
  const message = { summed: floats.summed, squares: [squares], along: [along] };
  const gathered = await gatherRows(
    communicator,
    lengthOf(message),
    groups.map((group, i) => ({
      ids: ids[i]!,
      widths: group.map(({ table }) => table.size / table.shape[0]!),
      values: floats.rows.splice(0, group.length),
    })),
  );
  const sums = await sumSections(communicator, message);
  // All is uploaded before anything is recorded, so that nothing has to be submitted in between.
  const totals = new Map(summed.map((tensor, i) => {
    const total = tensorLike(step, tensor);
    step.gpu.write(total, sums.summed[i]!);
    return [tensor, total];
  }));
  returned.set(sums.squares[0]!);
  const rows = new Map(groups.flatMap((group, i) => uploaded(step, group, gathered[i]!)));
  return { totals, rows, along: sums.along[0]! };
}

/** Rows of this rank's own of a table. */
interface OwnRows extends MergedGradient {
  readonly table: Tensor;
}

/** Tables by the ids of their own rows: a weight and its bias have the same, which are then sent and sorted once. */
function groupsOf(own: readonly Own[]): OwnRows[][] {
  const all = own.flatMap(({ tensor, rows }) => rows ? [{ ...rows, table: tensor }] : []);
  return [...Map.groupBy(all, ({ ids }) => ids).values()];
}

/** The rows of all ranks for each table of a group, which share the tensor of their ids. */
function uploaded(
  step: Step,
  group: readonly OwnRows[],
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
