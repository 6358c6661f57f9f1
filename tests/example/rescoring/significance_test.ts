// The bootstrap's interval against the binomial one, and the matched-pair test against all signs and NIST's.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Philox } from "../../../kernels/random/philox.ts";
import { align, type Edit } from "../../../example/rescoring/errors.ts";
import {
  bootstrapInterval,
  matchedPairs,
  MIN_UTTERANCES,
} from "../../../example/rescoring/significance.ts";
import { inFolder } from "../../support/folder.ts";
import { HAS_SCTK, noisy, sentencesOf, shell, transcript } from "../../support/sctk.ts";

Deno.test("the bootstrap's interval is as wide as that of a proportion, and the same each time", () => {
  const N = 1000, rate = 0.2;
  const utterances = Array.from(
    { length: N },
    (_, i) => ({ errors: i < rate * N ? 1 : 0, words: 1 }),
  );
  const [low, high] = bootstrapInterval(utterances)!;
  const half = 196 * Math.sqrt(rate * (1 - rate) / N);
  assertAlmostEquals(low, 100 * rate - half, 0.3);
  assertAlmostEquals(high, 100 * rate + half, 0.3);
  assertEquals(bootstrapInterval(utterances), [low, high]);
  const few = Array.from({ length: 30 }, (_, i) => ({ errors: i % 4, words: 5 + i % 7 }));
  assertEquals(
    bootstrapInterval(few),
    [3100 / 239, 5300 / 224],
    "also from one version to another",
  );
});

Deno.test("the bootstrap gives no interval from few utterances", () => {
  const alike = (count: number) =>
    bootstrapInterval(new Array(count).fill({ errors: 1, words: 4 }));
  assertEquals([0, 1, MIN_UTTERANCES - 1].map(alike), [undefined, undefined, undefined]);
  assertEquals(alike(MIN_UTTERANCES), [25, 25]);
});

Deno.test("the bootstrap's interval has a fortieth of the samples on each side", () => {
  // How often the odd ones are drawn is binomial: over 4 of 20 times in 4.3 % of cases, over 5 in 1.1 %.
  const intervalOf = (wrong: number) =>
    bootstrapInterval(
      Array.from({ length: 20 }, (_, i) => ({ errors: i < wrong ? 1 : 0, words: 1 })),
    );
  assertEquals([intervalOf(2), intervalOf(18)], [[0, 25], [75, 100]]);
});

/** An utterance of one segment, in which the first system has so many errors more. */
function pairOf(difference: number): readonly [Edit[], Edit[]] {
  const wrong = (count: number) => new Array<Edit>(count).fill("S");
  const right = new Array<Edit>(Math.abs(difference)).fill("C"), both = wrong(1);
  const more = [...both, ...wrong(Math.abs(difference))], fewer = [...both, ...right];
  return difference > 0 ? [more, fewer] : [fewer, more];
}

function chanceOf(...differences: readonly number[]): number {
  return matchedPairs(differences.map(pairOf)).p;
}

Deno.test("the matched-pair test finds nothing in few segments, and says how little", () => {
  assertEquals(matchedPairs([]), { segments: 0, mean: 0, p: 1 });
  assertEquals(matchedPairs([pairOf(0), pairOf(0)]), { segments: 2, mean: 0, p: 1 });
  // No segment wrong, and half of the words: from one segment nothing follows.
  assertEquals(matchedPairs([pairOf(-9)]), { segments: 1, mean: -9, p: 1 });
  assertEquals(matchedPairs([pairOf(1), pairOf(1)]), { segments: 2, mean: 1, p: 0.5 });
  assertEquals(chanceOf(1, 1, 1, 1, 1), 2 ** -4);
  assertEquals(chanceOf(2, 3, 1, 0, 5, 1, 1), 2 ** -5);
  assertEquals([chanceOf(3, -1), chanceOf(5, 1, 1), chanceOf(-5, 1, -1, -1)], [1, 0.25, 0.5]);
});

Deno.test("the matched-pair test's p is the part of all signs that differ as much", () => {
  const random = new Philox(2, 0, 0);
  for (let round = 0; round < 40; round++) {
    const own = Array.from({ length: 1 + random.below(9) }, () => random.below(9) - 4);
    const sum = Math.abs(own.reduce((a, b) => a + b, 0));
    let far = 0;
    for (let signs = 0; signs < 2 ** own.length; signs++) {
      const other = own.reduce((total, d, i) => total + (signs >> i & 1 ? d : -d), 0);
      if (Math.abs(other) >= sum) far++;
    }
    assertAlmostEquals(chanceOf(...own), far / 2 ** own.length, 1e-12, `${own}`);
  }
});

Deno.test("the matched-pair test finds no difference in equals, and one that is large", () => {
  const ref = "a b c d e f".split(" "), bad = "a x c y e z".split(" ");
  const edits = (hyp: string[]) => align(ref, hyp);
  const equal = matchedPairs([[edits(bad), edits(bad)], [edits(ref), edits(ref)]]);
  assertEquals(equal, { segments: 1, mean: 0, p: 1 });
  const random = new Philox(1, 0, 0), refs = sentencesOf(random, 200, 20, 10);
  const worse = noisy(random, refs, 0.2), better = noisy(random, refs, 0.05);
  const pairs = refs.map((own, i) => [align(own, worse[i]!), align(own, better[i]!)] as const);
  const found = matchedPairs(pairs),
    mirrored = matchedPairs(pairs.map(([a, b]) => [b, a] as const));
  assert(found.mean > 0 && found.p > 0 && found.p < 1e-6);
  assertEquals(mirrored, { ...found, mean: -found.mean });
});

Deno.test({
  name: "the matched-pair test is that of NIST's sc_stats (where sctk is installed)",
  ignore: !HAS_SCTK,
  fn: () =>
    inFolder(async (folder) => {
      for (
        const [seed, rates] of [[1, [0.1, 0.12]], [2, [0.05, 0.05]], [3, [0.3, 0.28]]] as const
      ) {
        const random = new Philox(seed, 0, 0), refs = sentencesOf(random, 300, 25, 10);
        const [a, b] = rates.map((rate) => noisy(random, refs, rate));
        for (const [name, text] of Object.entries({ ref: refs, a: a!, b: b! })) {
          Deno.writeTextFileSync(name, transcript(text));
        }
        await shell(
          folder,
          "sclite -r ref trn -h a trn A -h b trn B -i spu_id -s -o sgml; " +
            "cat a.sgml b.sgml | sc_stats -p -t mapsswe -v -n out",
        );
        const report = Deno.readTextFileSync("out.stats.mapsswe");
        const [, segments, mean, z] =
          /\(# segs: (\d+)\).*\(mean: (\S+)\).*\(Z Stat: (\S+)\)/.exec(report) ?? [];
        const found = matchedPairs(
          refs.map((ref, i) => [align(ref, a![i]!), align(ref, b![i]!)] as const),
        );
        assertEquals(found.segments, Number(segments));
        assertAlmostEquals(found.mean, Number(mean), 5e-4);
        assertAlmostEquals(found.p, 2 * upperTail(Math.abs(Number(z))), 0.03);
      }
    }),
});

/** Probability that a standard normal variable exceeds `z` >= 0: Abramowitz and Stegun 26.2.17. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const terms = [0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const sum = terms.reduceRight((rest, term) => t * (term + rest), 0);
  return sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
}
