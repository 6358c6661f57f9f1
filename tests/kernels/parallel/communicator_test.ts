// What ranks exchange, in one process; mpi_test.ts has the same over MPI.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ALONE, type Communicator } from "../../../kernels/parallel/communicator.ts";
import { ranksInProcess } from "../../../kernels/parallel/in_process.ts";
import { exchanged } from "../../support/exchange.ts";

/** Runs `body` on all ranks at once. */
function onAll<T>(size: number, body: (communicator: Communicator) => Promise<T>): Promise<T[]> {
  return Promise.all(ranksInProcess(size).map(body));
}

Deno.test("ranksInProcess() gather, exchange, broadcast and sum numbers of any length", async () => {
  for (const size of [1, 2, 3, 5]) {
    const found = await onAll(size, exchanged);
    for (const rank of found) {
      assertEquals(rank.gathered, Array.from({ length: size }, (_, k) => Array(k).fill(k)));
      assertEquals(rank.broadcast, [7, 0, 1]);
      assertEquals(rank.sums, found[0]!.sums);
    }
    found.forEach(({ exchanged }, rank) => {
      assertEquals(exchanged, Array.from({ length: size }, (_, k) => Array(rank).fill(k)));
    });
  }
});

Deno.test("Communicator.sum() adds ranks in their order, in float32, however many numbers there are", async () => {
  // Large and small numbers whose sum depends on the order.
  const own = (rank: number, length: number) =>
    Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i + 1) * 1000 ** (2 - rank)));
  for (const length of [1, 7, 30_001]) {
    const all = await onAll(3, async (communicator) => {
      const data = own(communicator.rank, length);
      await communicator.sum(data);
      return data;
    });
    const [a, b, c] = [0, 1, 2].map((rank) => own(rank, length));
    const expected = a!.map((x, i) => Math.fround(Math.fround(x + b![i]!) + c![i]!));
    for (const data of all) assertEquals(data, expected);
    assertEquals(all.length, 3);
  }
});

Deno.test("gather() gives the numbers that were sent, though they are a part of a buffer", async () => {
  const part = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
  assertEquals(await ALONE.gather(part), [Float32Array.of(2, 3)]);
});

Deno.test("ranksInProcess() keep what was sent, though the sender goes on to change it", async () => {
  const [first] = await onAll(2, async (communicator) => {
    const data = Float32Array.of(communicator.rank + 1), pending = communicator.gather(data);
    data[0] = 99;
    return await pending;
  });
  assertEquals(first, [Float32Array.of(1), Float32Array.of(2)]);
});

Deno.test("ranksInProcess() throw on all ranks when these call different methods, or with different lengths", async () => {
  const calls: [call: (own: Communicator) => Promise<unknown>, words: string][] = [
    [
      (own) => own.rank === 0 ? own.barrier() : own.broadcast(new Float32Array(1)),
      "Ranks do not match: rank 0 called gather, rank 1 broadcast 4 bytes",
    ],
    [
      (own) => own.broadcast(new Float32Array(1 + own.rank)),
      "Ranks do not match: rank 0 called broadcast 4 bytes, rank 1 broadcast 8 bytes",
    ],
    [
      (own) => own.sum(new Float32Array(3 + own.rank)),
      "Cannot sum over ranks: rank 0 has 3 elements, another 4",
    ],
  ];
  for (const [call, words] of calls) {
    for (const pending of ranksInProcess(2).map(call)) {
      await assertRejects(() => pending, TypeError, words);
    }
  }
  assertThrows(() => ranksInProcess(0), RangeError, "size");
});

Deno.test("Communicator.sum() of many numbers throws on the rank whose share has different lengths", async () => {
  await assertRejects(
    () => onAll(2, (own) => own.sum(new Float32Array(100_000 + own.rank))),
    TypeError,
    "Cannot sum over ranks: rank 0 has 50000 elements, another 50001",
  );
});

Deno.test("ALONE is one rank, and leaves numbers as they are", async () => {
  const { rank, size } = ALONE, data = Float32Array.of(1, 2);
  await ALONE.sum(data);
  await ALONE.broadcast(data);
  assertEquals([rank, size, ...data], [0, 1, 1, 2]);
  assertEquals(await ALONE.gather(data), [data]);
  assertEquals(await ALONE.exchange([data]), [data]);
});

Deno.test("a Communicator throws a TypeError when it is given anything but numbers", async () => {
  const wrong: unknown = [1, 2];
  for (const communicator of [ALONE, ranksInProcess(1)[0]!]) {
    const call = (name: string, given: unknown) =>
      Reflect.get(communicator, name).call(communicator, given);
    for (const name of ["sum", "gather", "broadcast", "exchange"]) {
      await assertRejects(() => call(name, wrong), TypeError, "Cannot ");
    }
    await assertRejects(() => call("sum", Uint32Array.of(1)), TypeError, "a Float32Array");
    await assertRejects(() => call("exchange", [[1]]), TypeError, "Cannot exchange [1]");
    const two = [Float32Array.of(1), Float32Array.of(2)];
    await assertRejects(() => call("exchange", two), TypeError, "as many parts as ranks, 1,");
  }
});

Deno.test("a rank of ranksInProcess() throws when it calls before its last call has ended", async () => {
  const [rank] = ranksInProcess(2), data = Float32Array.of(1);
  rank!.gather(data); // which never ends, as rank 1 does not come
  await assertRejects(() => rank!.gather(data), TypeError, "rank 0 awaits another call");
});
