// What systems choose from lists, and how they compare.

import { assertEquals } from "@std/assert";
import { Contest, scoresOf } from "../../../example/rescoring/contest.ts";
import type { NBestList } from "../../../example/rescoring/nbest.ts";

/** A list of hypotheses of these words. */
function listOf(id: string, reference: string, ...hypotheses: readonly string[]): NBestList {
  return {
    id,
    reference: reference.split(" "),
    hypotheses: hypotheses.map((text) => ({ words: text.split(" "), acoustic: -1, lm: -2 })),
  };
}

const CONTEST = new Contest([
  listOf("u1", "a b c", "a x", "a b c", "a b c"),
  listOf("u2", "d", "e f g", "d d", "d d"),
]);

Deno.test("Contest counts the errors of what a system chooses, and compares it with others", () => {
  assertEquals([CONTEST.words, CONTEST.oracle()], [4, [1, 1]]);
  const { versus, ...first } = CONTEST.judge("first", [0, 0], []);
  assertEquals(versus, {});
  // A system of few utterances has no interval.
  assertEquals(first, { system: "first", wer: 125, substitutions: 2, deletions: 1, insertions: 2 });
  const best = CONTEST.judge("best", [1, 1], ["first"], { seconds: 3 });
  assertEquals([best.wer, best.insertions, best.seconds], [25, 1, 3]);
  assertEquals(best.versus, { first: { segments: 2, mean: -2, p: 0.5 } });
  const many = new Contest(Array.from({ length: 20 }, (_, i) => listOf(`u${i}`, "a b", "a c")));
  assertEquals(many.judge("same", many.lists.map(() => 0), []).interval, [50, 50]);
});

Deno.test("scoresOf() adds the graph's score to the language model's", () => {
  const hypotheses = [
    { words: ["a", "b"], acoustic: -3, graph: -0.5 },
    { words: [], acoustic: -4, lm: -7 },
  ];
  assertEquals(scoresOf({ id: "u", hypotheses }, ({ words }) => -words.length), {
    acoustic: Float64Array.of(-3, -4),
    lm: Float64Array.of(-2.5, -0),
    words: Float64Array.of(2, 0),
  });
});
