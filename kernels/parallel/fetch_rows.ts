/** Rows of tables that are divided among ranks: a step fetches those that it needs. */

import { type Communicator, expectCommunicator } from "./communicator.ts";
import { show } from "../device/expect.ts";
import { type Fetched, fetchedBy } from "../lookup/find_rows.ts";
import { gatherInto } from "../lookup/gather.ts";
import type { Step } from "../autograd/step.ts";
import { expectIds, expectStep, Tensor } from "../device/tensor.ts";
import {
  concatenated,
  distinct,
  readByTensor,
  type Reader,
  readerOf,
  readTogether,
} from "./arrays.ts";

/** What a step looks up: ids, and the tables whose rows these are. */
export interface RowRequest {
  /** Tables whose rows are divided in the same way. */
  readonly tables: readonly Tensor[];
  /** Ids in tensors of any shape; all that the step will look up in these tables. */
  readonly ids: readonly Tensor[];
}

/** Ids of one request: each once, by the rank that holds its row, then rising. */
interface Wanted {
  readonly ids: Uint32Array;
  /** The first of each rank, and their number. */
  readonly starts: readonly number[];
}

/**
 * Fetches the rows that a step will look up in tables that are divided among ranks; afterwards operations take
 * these tables, and `backwardAcross` returns the gradients. All ranks call it, on the same tables. It does
 * nothing for tables that are not divided.
 *
 * @throws {TypeError} If a table is not divided among the ranks of `communicator`, or a request is not one.
 * @throws {RangeError} If an id may not be below V.
 */
export async function fetchRows(
  step: Step,
  requests: readonly RowRequest[],
  communicator: Communicator,
): Promise<void> {
  expectStep("fetchRows", step);
  expectCommunicator("fetch rows", communicator);
  if (!areRequests(requests)) {
    throw new TypeError(
      `Cannot fetch rows: ${show(requests)} is no array of requests { tables, ids }`,
    );
  }
  const divided = requests.filter(({ tables }) => tables.some(({ shard }) => shard));
  if (divided.length === 0) return;
  for (const { tables, ids } of divided) {
    expectDivided(tables, communicator);
    for (const some of ids) expectIds("fetchRows", some, tables[0]!.shard!.rows);
  }
  const numbers = await readByTensor<Uint32Array>(step, divided.flatMap(({ ids }) => ids));
  const wanted = divided.map(({ ids }) =>
    wantedOf(ids.map((some) => numbers.get(some)!), communicator.size)
  );
  const asked = await ask(wanted, communicator);
  const own = await readRows(step, divided, asked);
  const next = readerOf(await communicator.exchange(own));
  fetchedBy.set(
    step,
    divided.map(({ tables }, i) => {
      const { ids, starts } = wanted[i]!, m = ids.length;
      return {
        ids: step.upload(ids),
        ranks: communicator.size,
        tables: new Map(tables.map((table) => [table, rowsFrom(step, table, m, starts, next)])),
        starts,
        asked: asked[i]!,
      } satisfies Fetched;
    }),
  );
}

function areRequests(requests: unknown): boolean {
  const areTensors = (list: unknown) =>
    Array.isArray(list) && list.length > 0 && list.every((tensor) => tensor instanceof Tensor);
  return Array.isArray(requests) &&
    requests.every((request) => areTensors(request?.tables) && areTensors(request.ids));
}

function expectDivided(tables: readonly Tensor[], { rank, size }: Communicator): void {
  const other = tables.find(({ shard }) => shard?.ranks !== size || shard.rank !== rank);
  if (!other) return;
  throw new TypeError(
    `Cannot fetch rows: a table [${other.shape}] is not what rank ${rank} of ${size} holds`,
  );
}

function wantedOf(lists: readonly Uint32Array[], ranks: number): Wanted {
  const each = distinct(lists);
  const starts = new Array<number>(ranks + 1).fill(0);
  for (const id of each) starts[id % ranks + 1]!++;
  for (let k = 0; k < ranks; k++) starts[k + 1]! += starts[k]!;
  const ids = new Uint32Array(each.length), next = [...starts];
  for (const id of each) ids[next[id % ranks]!++] = id;
  return { ids, starts };
}

/** For each request, which rows of this rank's shard each rank wants. */
async function ask(
  wanted: readonly Wanted[],
  communicator: Communicator,
): Promise<Uint32Array[][]> {
  const ranks = communicator.size;
  const received = await communicator.exchange(
    Array.from({ length: ranks }, (_, k) => {
      const rows = wanted.map(({ ids, starts }) => {
        return ids.subarray(starts[k], starts[k + 1]).map((id) => Math.floor(id / ranks));
      });
      return concatenated(Uint32Array, [Uint32Array.from(rows, ({ length }) => length), ...rows]);
    }),
  );
  const next = readerOf(received), counts = received.map((_, k) => next(k, wanted.length));
  return wanted.map((_, i) => counts.map((theirs, k) => next(k, theirs[i]!)));
}

/** What this rank sends to each other: request by request and table by table the rows that it has asked for. */
async function readRows(
  step: Step,
  requests: readonly RowRequest[],
  asked: readonly (readonly Uint32Array[])[],
): Promise<Float32Array[]> {
  const gathered = requests.flatMap(({ tables }, i) => {
    const rows = concatenated(Uint32Array, asked[i]!);
    if (rows.length === 0) return [];
    const ids = step.upload(rows);
    return tables.map((table) => {
      const out = step.tensor([rows.length, ...table.shape.slice(1)]);
      gatherInto(step.gpu, out, table, ids);
      return { out, asked: asked[i]!, width: table.size / table.shape[0]! };
    });
  });
  const floats = await readTogether(step, gathered.map(({ out }) => out)) as Float32Array[];
  const next = readerOf(floats);
  return asked[0]!.map((_, k) =>
    concatenated(
      Float32Array,
      gathered.map(({ asked, width }, i) => next(i, asked[k]!.length * width)),
    )
  );
}

/** A table's m rows, which are the next of what each rank has sent. */
function rowsFrom(
  step: Step,
  table: Tensor,
  m: number,
  starts: readonly number[],
  next: Reader<Float32Array>,
): Tensor {
  const width = table.size / table.shape[0]!, all = new Float32Array((m + 1) * width).fill(NaN);
  for (const [k, start] of starts.slice(0, -1).entries()) {
    all.set(next(k, (starts[k + 1]! - start) * width), start * width);
  }
  const rows = step.upload(all, [m + 1, ...table.shape.slice(1)]);
  rows.requiresGrad = table.requiresGrad;
  return rows;
}
