// Exact scores from those that ranks have over their shards.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { overShards, rowsOfShard } from "../../../example/evaluation/over_shards.ts";
import { ranksInProcess } from "../../../kernels/mod.ts";

const [V, N, RANKS] = [7, 70_000, 3];

/** Scores of all words, also far apart. */
function scoresOf(i: number): number[] {
  return Array.from({ length: V }, (_, y) => Math.fround(30 * Math.sin(i + y * y) + i % 200));
}

function logSum(scores: readonly number[]): number {
  const most = Math.max(...scores);
  return most + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - most), 0));
}

Deno.test("overShards() normalises over the words of all ranks, in equal bits on each", async () => {
  const target = Uint32Array.from({ length: N }, (_, i) => i % V);
  const all = await Promise.all(
    ranksInProcess(RANKS).map((communicator) => {
      const shard = { rank: communicator.rank, ranks: RANKS, rows: V };
      const rows = rowsOfShard({ shard }, target);
      const own = Array.from(
        { length: N },
        (_, i) => scoresOf(i).filter((_, y) => y % RANKS === shard.rank),
      );
      return overShards(shard, communicator, {
        target,
        score: Float32Array.from(own, (scores, i) => scores[rows[i]!]!),
        logZ: Float32Array.from(own, logSum),
      });
    }),
  );
  for (const rank of all) assertEquals(rank, all[0]);
  const { score, logZ } = all[0]!;
  for (let i = 0; i < N; i += 997) {
    assertEquals(score[i], scoresOf(i)[target[i]!]);
    assertAlmostEquals(logZ[i]!, logSum(scoresOf(i)), 4e-5);
  }
  assertEquals(rowsOfShard({ shard: undefined }, target), target);
});
