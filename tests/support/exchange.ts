/** Every method of a communicator once, for ranks in one process and over MPI. */

import type { Communicator } from "../../kernels/mod.ts";

/** What a rank has got. */
export interface Exchanged {
  /** From rank k, k numbers k. */
  readonly gathered: number[][];
  /** From rank k, as many numbers k as this rank's number. */
  readonly exchanged: number[][];
  /** What rank 0 has. */
  readonly broadcast: number[];
  /** Sums of few and of many numbers, some of them as bits: they depend on the order of the ranks. */
  readonly sums: number[];
}

/** Calls every method. */
export async function exchanged(communicator: Communicator): Promise<Exchanged> {
  const { rank, size } = communicator;
  const gathered = await communicator.gather(new Uint32Array(rank).fill(rank));
  const parts = Array.from({ length: size }, (_, k) => new Float32Array(k).fill(rank));
  const got = await communicator.exchange(parts);
  const broadcast = Uint32Array.of(7 + rank, rank, 1 + rank);
  await communicator.broadcast(broadcast);
  const sums: number[] = [];
  for (const length of [3, 50_000]) {
    const data = Float32Array.from({ length }, (_, i) => Math.sin(i + rank) * 100 ** rank);
    await communicator.sum(data);
    const bits = new Uint32Array(data.buffer);
    sums.push(
      ...bits.subarray(0, 3),
      bits.reduce((hash, word) => Math.imul(hash ^ word, 0x01000193), 7),
    );
  }
  await communicator.barrier();
  return {
    gathered: gathered.map((numbers) => [...numbers]),
    exchanged: got.map((numbers) => [...numbers]),
    broadcast: [...broadcast],
    sums,
  };
}
