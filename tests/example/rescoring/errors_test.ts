// Word errors: least cost by a plain recursion, and the same counts as NIST's sclite.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Philox } from "../../../kernels/random/philox.ts";
import {
  align,
  countErrors,
  type Edit,
  errorRate,
  errorsOf,
  sumErrors,
} from "../../../example/rescoring/errors.ts";
import { inFolder } from "../../support/folder.ts";
import { check } from "../../support/property.ts";
import { HAS_SCTK, sentencesOf, shell, transcript } from "../../support/sctk.ts";

const COST: Record<Edit, number> = { C: 0, S: 4, D: 3, I: 3 };

/** The least cost, by its definition. */
function leastCost(ref: readonly string[], hyp: readonly string[]): number {
  if (ref.length === 0 || hyp.length === 0) return 3 * (ref.length + hyp.length);
  const pair = ref[0] === hyp[0] ? 0 : 4;
  return Math.min(
    pair + leastCost(ref.slice(1), hyp.slice(1)),
    3 + leastCost(ref.slice(1), hyp),
    3 + leastCost(ref, hyp.slice(1)),
  );
}

/** What the edits make of the reference, with words of the hypothesis where they differ. */
function apply(edits: readonly Edit[], ref: readonly string[], hyp: readonly string[]): string[] {
  let i = 0, j = 0;
  return edits.flatMap((edit) => {
    if (edit === "D") return void i++, [];
    if (edit === "I") return [hyp[j++]!];
    const word = edit === "C" ? ref[i]! : hyp[j]!;
    assertEquals(edit === "C", ref[i++] === hyp[j++]);
    return [word];
  });
}

Deno.test("align() makes the reference the hypothesis at the least cost", () => {
  const words = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 6 });
  check(fc.property(words, words, (ref, hyp) => {
    const edits = align(ref, hyp);
    assertEquals(apply(edits, ref, hyp), hyp);
    assertEquals(edits.reduce((sum, edit) => sum + COST[edit], 0), leastCost(ref, hyp));
  }));
});

Deno.test("align() prefers from the end a pair to an insertion, and an insertion to a deletion", () => {
  assertEquals(align(["a", "b"], ["b", "a"]).join(""), "DCI");
  assertEquals(align(["a"], ["a", "a"]).join(""), "IC");
  assertEquals(align(["a", "a"], ["a"]).join(""), "DC");
});

Deno.test("errors are counted by kind, and the rate is of the reference's words", () => {
  const counts = countErrors(align("a b c d e".split(" "), "a x d e f g".split(" ")));
  assertEquals(counts, { substitutions: 1, deletions: 1, insertions: 2, words: 5 });
  assertEquals([errorsOf(counts), errorRate(counts)], [4, 80]);
  const none = countErrors(align([], []));
  assertEquals(none, { substitutions: 0, deletions: 0, insertions: 0, words: 0 });
  assertEquals(errorRate(sumErrors([counts, none, counts])), 80);
  assertEquals(countErrors(align([], ["a"])).insertions, 1);
  assertEquals(countErrors(align(["a"], [])).deletions, 1);
});

Deno.test({
  name: "errors are those of sclite on a thousand random pairs (where sctk is installed)",
  ignore: !HAS_SCTK,
  fn: () =>
    inFolder(async (folder) => {
      const random = new Philox(3, 0, 0), COUNT = 1000;
      const refs = sentencesOf(random, COUNT, 14, 8), hyps = sentencesOf(random, COUNT, 14, 8);
      Deno.writeTextFileSync("ref", transcript(refs));
      Deno.writeTextFileSync("hyp", transcript(hyps));
      const report = await shell(
        folder,
        "sclite -r ref trn -h hyp trn -i spu_id -s -o pralign stdout",
      );
      const theirs = new Map(
        [...report.matchAll(/id: \(s_(\d+)\)\nScores: \(#C #S #D #I\) \d+ (\d+) (\d+) (\d+)/g)]
          .map(([, id, ...counts]) => [Number(id), counts.map(Number)]),
      );
      assertEquals(theirs.size, COUNT);
      for (const [i, ref] of refs.entries()) {
        const { substitutions, deletions, insertions } = countErrors(align(ref, hyps[i]!));
        const pair = `${ref.join(" ")} / ${hyps[i]!.join(" ")}`;
        assertEquals([substitutions, deletions, insertions], theirs.get(i), pair);
      }
    }),
});
