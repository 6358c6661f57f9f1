// What ranks decide together.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Failure } from "../../../example/shared/errors.ts";
import { Ranks, shardOf } from "../../../example/shared/ranks.ts";
import type { StopFlag } from "../../../example/shared/stop.ts";
import { ALONE, ranksInProcess } from "../../../kernels/mod.ts";

/** Three ranks and their own stops. */
function threeRanks(): { ranks: Ranks[]; own: StopFlag[] } {
  const own = [1, 2, 3].map((): StopFlag => ({ requested: false }));
  return {
    ranks: ranksInProcess(3).map((communicator, i) => new Ranks(communicator, own[i])),
    own,
  };
}

Deno.test("Ranks stop together when one of them is to stop, and not before they have agreed", async () => {
  const { ranks, own } = threeRanks();
  await Promise.all(ranks.map((rank) => rank.agree()));
  assertEquals(ranks.map(({ stop }) => stop.requested), [false, false, false]);
  own[1]!.requested = true;
  assertEquals(ranks.map(({ stop }) => stop.requested), [false, false, false]);
  await Promise.all(ranks.map((rank) => rank.agree()));
  assertEquals(ranks.map(({ stop }) => stop), Array(3).fill({ requested: true, requeued: false }));
  Object.assign(own[2]!, { requested: true, requeued: true });
  await Promise.all(ranks.map((rank) => rank.agree()));
  assertEquals(ranks.map(({ stop }) => stop), Array(3).fill({ requested: true, requeued: true }));
});

Deno.test("Ranks write a checkpoint when it is due by rank 0's clock", async () => {
  const { ranks } = threeRanks();
  const due = (whose: number) => ranks.map((rank, i) => rank.checkpointDue(i === whose));
  assertEquals(due(-1), [false, false, false]); // nothing was agreed on
  await Promise.all(ranks.map((rank) => rank.agree()));
  assertEquals(due(1), [false, false, false]);
  await Promise.all(ranks.map((rank) => rank.agree()));
  assertEquals(due(0), [false, false, false]); // rank 1's clock does not count
  await Promise.all(ranks.map((rank) => rank.agree()));
  assertEquals(due(0), [true, true, true]);
  await Promise.all(ranks.map((rank) => rank.agree()));
  assertEquals(due(-1), [false, false, false]); // it was just written
});

Deno.test("Ranks have rank 0's value, the values of all, and sums", async () => {
  const { ranks } = threeRanks();
  const values = await Promise.all(ranks.map((rank, i) => rank.fromFirst({ text: `ä${i}` })));
  assertEquals(values, Array(3).fill({ text: "ä0" }));
  const sums = await Promise.all(ranks.map((rank, i) => rank.sums([i, 2 ** 40])));
  assertEquals(sums, Array(3).fill([3, 3 * 2 ** 40]));
  const all = await Promise.all(ranks.map((rank, i) => rank.ofAll({ i })));
  assertEquals(all, Array(3).fill([{ i: 0 }, { i: 1 }, { i: 2 }]));
});

Deno.test("Ranks that differ fail on all ranks, in words that name one", async () => {
  const { ranks } = threeRanks();
  const calls = ranks.map((rank, i) =>
    rank.expectSame([
      { what: "version", value: "1", hint: "" },
      { what: "adapter", value: i === 1 ? "B".repeat(81) : "A".repeat(80), hint: "use the same" },
    ])
  );
  for (const call of calls) {
    const words = `Rank 1 has another adapter than rank 0 (${"A".repeat(80)}): use the same`;
    await assertRejects(() => call, Failure, words);
  }
});

Deno.test("shardOf() divides tables only if there are several ranks, and no more than words", () => {
  const { ranks } = threeRanks(), communicator = ranks[1]!.communicator;
  const divide = { shardTables: true };
  assertEquals(shardOf(divide, communicator, 3), { rank: 1, ranks: 3 });
  assertEquals(shardOf({ shardTables: false }, communicator, 3), undefined);
  assertEquals(shardOf(divide, ALONE, 3), undefined);
  assertThrows(() => shardOf(divide, communicator, 2), Failure, "2 words among 3 ranks");
});

Deno.test("a rank that is alone needs no agreement", async () => {
  const own: StopFlag = { requested: false }, rank = new Ranks(undefined, own);
  own.requested = true;
  assertEquals([rank.stop.requested, rank.checkpointDue(true), rank.isFirst], [true, true, true]);
  assertEquals(new Ranks().stop.requested, false);
  assertEquals([await rank.fromFirst("x"), await rank.sums([2])], ["x", [2]]);
  await rank.agree();
  await rank.expectSame([{ what: "version", value: "1", hint: "" }]);
});
