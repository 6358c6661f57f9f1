/** Exact scores by ranks that score the words of a shard each: the log of the sum of all ranks' exponentials. */

import type { Communicator, TableShard } from "../../kernels/mod.ts";
import type { WordModel } from "../model/model.ts";
import type { TokenScores } from "./card.ts";

/** Tokens whose scores are exchanged at a time. */
const TOKENS = 2 ** 16;

/** Targets as rows of the model's shard, 0 where it has none; the targets themselves if it has all. */
export function rowsOfShard({ shard }: Pick<WordModel, "shard">, target: Uint32Array): Uint32Array {
  if (!shard) return target;
  const { rank, ranks } = shard;
  return target.map((id) => id % ranks === rank ? Math.floor(id / ranks) : 0);
}

/**
 * The scores over all words, from those that each rank has over its shard: `ln Z = ln sum over ranks of Z`, added
 * in float64 in the order of the ranks. The score of a target is that of the rank that holds it.
 */
export async function overShards(
  { rank, ranks }: TableShard,
  communicator: Communicator,
  { target, score, logZ }: TokenScores,
): Promise<TokenScores> {
  const whole = {
    target,
    score: new Float32Array(score.length),
    logZ: new Float32Array(logZ.length),
  };
  for (let first = 0; first < target.length; first += TOKENS) {
    const some = <T extends Uint32Array | Float32Array>(all: T) => {
      return all.subarray(first, first + TOKENS) as T;
    };
    const targets = some(target);
    const own = some(score).map((s, i) => targets[i]! % ranks === rank ? s : 0);
    await communicator.sum(own); // the other ranks have zeros
    whole.score.set(own, first);
    whole.logZ.set(logSumExp(await communicator.gather(some(logZ))), first);
  }
  return whole;
}

/** ln of the sum of exp over `lists`, for each place. */
function logSumExp(lists: readonly Float32Array[]): Float32Array {
  return lists[0]!.map((_, i) => {
    let most = -Infinity, sum = 0;
    for (const list of lists) most = Math.max(most, list[i]!);
    for (const list of lists) sum += Math.exp(list[i]! - most);
    return most + Math.log(sum);
  });
}
