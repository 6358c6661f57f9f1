// Weights: the best of each list, and a search that finds what can be found.

import { assert, assertEquals } from "@std/assert";
import { Philox } from "../../../kernels/random/philox.ts";
import {
  best,
  type ListScores,
  searchWeights,
  totals,
} from "../../../example/rescoring/weights.ts";

const of = (...numbers: number[]) => Float64Array.of(...numbers);

/** Lists in which the right hypothesis is the best one by these weights alone. */
function scoresFor(lm: number, penalty: number, count: number): ListScores[] {
  const random = new Philox(1, 0, 0);
  return Array.from({ length: count }, () => {
    const draw = () => Float64Array.from({ length: 8 }, () => 40 * random.uniform());
    const list = { acoustic: draw(), lm: draw(), words: draw().map(Math.round) };
    const right = best(list, { lm, penalty });
    return { ...list, errors: list.acoustic.map((_, i) => i === right ? 0 : 1) };
  });
}

function errorsBy(lists: readonly ListScores[], weights: { lm: number; penalty: number }): number {
  return lists.reduce((sum, list) => sum + list.errors[best(list, weights)]!, 0);
}

Deno.test("best() adds the weighted scores, and takes the first of equals", () => {
  const list = { acoustic: of(-9, -10, -10), lm: of(-5, -3, -3), words: of(3, 2, 2) };
  assertEquals(best(list, { lm: 0, penalty: 0 }), 0);
  assertEquals(best(list, { lm: 1, penalty: 0 }), 1);
  assertEquals(best(list, { lm: 1, penalty: 1.5 }), 0);
  assertEquals([...totals(list, { lm: 2, penalty: 0.5 })], [-17.5, -15, -15]);
});

Deno.test("searchWeights() finds weights with next to no errors wherever they are", () => {
  for (const [lm, penalty] of [[1, 0], [0.3, 1], [14, -30], [90, 120]] as const) {
    const lists = scoresFor(lm, penalty, 400), found = searchWeights(lists);
    assert(errorsBy(lists, found) <= 8, `${lm} ${penalty}: ${Deno.inspect(found)}`);
  }
});

Deno.test("searchWeights() keeps what is given, and prefers plain weights where all are alike", () => {
  const lists = scoresFor(4, 6, 100);
  assertEquals(searchWeights(lists, { lm: 2 }).lm, 2);
  assertEquals(searchWeights(lists, { penalty: -1 }).penalty, -1);
  const alike = lists.map((list) => ({ ...list, errors: list.errors.map(() => 1) }));
  assertEquals(searchWeights(alike), { lm: 1, penalty: 0 });
  for (const lm of [0, 3]) assertEquals(searchWeights(alike, { lm }), { lm, penalty: 0 });
  assertEquals(searchWeights(alike, { penalty: -2 }), { lm: 1, penalty: -2 });
});
