// The bootstrap's interval against the binomial one, and the matched-pair test against NIST's.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Philox } from "../../../kernels/random/philox.ts";
import { align } from "../../../example/rescoring/errors.ts";
import { bootstrapInterval, matchedPairs } from "../../../example/rescoring/significance.ts";
import { inFolder } from "../../support/folder.ts";
import { HAS_SCTK, noisy, sentencesOf, shell, transcript } from "../../support/sctk.ts";

Deno.test("the bootstrap's interval is as wide as that of a proportion, and the same each time", () => {
  const N = 1000, rate = 0.2;
  const utterances = Array.from(
    { length: N },
    (_, i) => ({ errors: i < rate * N ? 1 : 0, words: 1 }),
  );
  const [low, high] = bootstrapInterval(utterances);
  const half = 196 * Math.sqrt(rate * (1 - rate) / N);
  assertAlmostEquals(low, 100 * rate - half, 0.3);
  assertAlmostEquals(high, 100 * rate + half, 0.3);
  assertEquals(bootstrapInterval(utterances), [low, high]);
  assertEquals(bootstrapInterval([{ errors: 1, words: 4 }]), [25, 25]);
});

Deno.test("the matched-pair test finds no difference in equals, and one that is large", () => {
  const ref = "a b c d e f".split(" "), bad = "a x c y e z".split(" ");
  const edits = (hyp: string[]) => align(ref, hyp);
  const equal = matchedPairs([[edits(bad), edits(bad)], [edits(ref), edits(ref)]]);
  assertEquals([equal.segments, equal.z, equal.mean], [1, 0, 0]);
  assertAlmostEquals(equal.p, 1, 1e-6);
  const random = new Philox(1, 0, 0), refs = sentencesOf(random, 200, 20, 10);
  const worse = noisy(random, refs, 0.2), better = noisy(random, refs, 0.05);
  const pairs = refs.map((own, i) => [align(own, worse[i]!), align(own, better[i]!)] as const);
  const found = matchedPairs(pairs),
    mirrored = matchedPairs(pairs.map(([a, b]) => [b, a] as const));
  assert(found.mean > 0 && found.z > 5 && found.p < 1e-6);
  assertEquals([mirrored.z, mirrored.p], [-found.z, found.p]);
  assertEquals(matchedPairs([]), { segments: 0, mean: 0, z: 0, p: matchedPairs([]).p });
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
        assertAlmostEquals(found.z, Number(z), 5e-4);
      }
    }),
});
