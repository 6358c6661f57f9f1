// Weights: the best of each list, and a search that finds what can be found.

import { assert, assertEquals } from "@std/assert";
import { Philox } from "../../../kernels/random/philox.ts";
import { best, type Choice, searchWeights, totals } from "../../../example/rescoring/weights.ts";

const of = (...numbers: number[]) => Float64Array.of(...numbers);

/** Lists in which the right hypothesis is the best one by these weights alone. */
function choicesFor(lm: number, penalty: number, count: number): Choice[] {
  const random = new Philox(1, 0, 0);
  return Array.from({ length: count }, () => {
    const draw = () => Float64Array.from({ length: 8 }, () => 40 * random.uniform());
    const choice = { acoustic: draw(), lm: draw(), words: draw().map(Math.round) };
    const right = best(choice, { lm, penalty });
    return { ...choice, errors: choice.acoustic.map((_, i) => i === right ? 0 : 1) };
  });
}

function errorsBy(choices: readonly Choice[], weights: { lm: number; penalty: number }): number {
  return choices.reduce((sum, choice) => sum + choice.errors[best(choice, weights)]!, 0);
}

Deno.test("best() adds the weighted scores, and takes the first of equals", () => {
  const choice = { acoustic: of(-9, -10, -10), lm: of(-5, -3, -3), words: of(3, 2, 2) };
  assertEquals(best(choice, { lm: 0, penalty: 0 }), 0);
  assertEquals(best(choice, { lm: 1, penalty: 0 }), 1);
  assertEquals(best(choice, { lm: 1, penalty: 1.5 }), 0);
  assertEquals([...totals(choice, { lm: 2, penalty: 0.5 })], [-17.5, -15, -15]);
});

Deno.test("searchWeights() finds weights with next to no errors wherever they are", () => {
  for (const [lm, penalty] of [[1, 0], [0.3, 1], [14, -30], [90, 120]] as const) {
    const choices = choicesFor(lm, penalty, 400), found = searchWeights(choices);
    assert(errorsBy(choices, found) <= 8, `${lm} ${penalty}: ${Deno.inspect(found)}`);
  }
});

Deno.test("searchWeights() keeps what is given, and prefers plain weights where all are alike", () => {
  const choices = choicesFor(4, 6, 100);
  assertEquals(searchWeights(choices, { lm: 2 }).lm, 2);
  assertEquals(searchWeights(choices, { penalty: -1 }).penalty, -1);
  const alike = choices.map((choice) => ({ ...choice, errors: choice.errors.map(() => 1) }));
  assertEquals(searchWeights(alike), { lm: 1, penalty: 0 });
});
