/** Tensors of several ranks on their way to rank 0, which has the files, and back: a range at a time. */

import type { Gpu, Tensor } from "../../mod.ts";
import { type Communicator, ownRows } from "../../kernels/mod.ts";
import type { NamedParameter } from "../../nce/nn/mod.ts";
import { joinRows } from "../shared/ranks.ts";
import {
  type NumberSource,
  readOwn,
  type ReadRange,
  type RowRange,
  rowRanges,
  writeOwn,
} from "./tensors.ts";

/** What rank 0 asks the others for: nothing more, or a range of a tensor. */
const DONE = 0;

/**
 * Runs `body` on each rank. That of rank 0 may read tensors that are divided among the ranks: the others send
 * what it asks for until it has ended, and then run theirs, which reads nothing.
 *
 * @param tensors What it may read, in the same order on all ranks.
 */
export async function withShards<T>(
  gpu: Gpu,
  communicator: Communicator,
  tensors: readonly NamedParameter[],
  body: (read: ReadRange) => Promise<T>,
): Promise<T> {
  const divided = tensors.map(([, tensor]) => tensor).filter(({ shard }) => shard);
  const own: ReadRange = (tensor, range) => readOwn(gpu, tensor, range);
  if (divided.length === 0) return await body(own);
  if (communicator.rank > 0) {
    await serve(gpu, communicator, divided);
    return await body(own);
  }
  try {
    return await body(async (tensor, range) => {
      if (!tensor.shard) return await own(tensor, range);
      const what = 1 + divided.indexOf(tensor);
      await communicator.broadcast(Uint32Array.of(what, range.first, range.count));
      const parts = await collect(gpu, communicator, tensor, range);
      return joinRows(parts, range.count, tensor.size / tensor.shape[0]!);
    });
  } finally {
    await communicator.broadcast(Uint32Array.of(DONE, 0, 0));
  }
}

/** Sends rank 0 what it asks for until it is done. */
async function serve(
  gpu: Gpu,
  communicator: Communicator,
  divided: readonly Tensor[],
): Promise<void> {
  const order = new Uint32Array(3);
  for (;;) {
    await communicator.broadcast(order);
    const [what, first, count] = order as unknown as [number, number, number];
    if (what === DONE) return;
    await collect(gpu, communicator, divided[what - 1]!, { first, count });
  }
}

/** Sends rank 0 the rows of a range; there, returns those of each rank. */
async function collect(
  gpu: Gpu,
  communicator: Communicator,
  tensor: Tensor,
  range: RowRange,
): Promise<Float32Array[]> {
  const own = await readOwn(gpu, tensor, range), { size } = communicator;
  return await communicator.exchange(
    Array.from({ length: size }, (_, k) => k === 0 ? own : new Float32Array()),
  );
}

/**
 * Fills a tensor of each rank with the numbers of a source that rank 0 has: with all, or with the rows of its
 * shard. All ranks call it.
 */
export async function spread(
  gpu: Gpu,
  communicator: Communicator,
  tensor: Tensor,
  source: NumberSource | undefined,
): Promise<void> {
  const { rank, size } = communicator, width = tensor.size / tensor.shape[0]!;
  for (const range of rowRanges(tensor)) {
    const { first, count } = range;
    const numbers = rank === 0
      ? source!.read(first * width, (first + count) * width)
      : new Float32Array(count * width);
    if (!tensor.shard) {
      await communicator.broadcast(numbers);
      writeOwn(gpu, tensor, range, numbers);
      continue;
    }
    const sends = Array.from({ length: size }, (_, k) => {
      return rank === 0 ? ownRows(numbers, width, { rank: k, ranks: size }) : new Float32Array();
    });
    const [own] = await communicator.exchange(sends);
    writeOwn(gpu, tensor, range, Float32Array.from(own!));
  }
}
