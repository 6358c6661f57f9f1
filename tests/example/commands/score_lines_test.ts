// Scores as lines: columns and JSON, of sentences and of words, in any base.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { scoreLines, ScoreSums } from "../../../example/commands/score_lines.ts";
import { SCORE } from "../../../example/options/score.ts";
import { type Given, readOptions } from "../../../example/options/option.ts";

const LOGS = [-1, -4, -2].map((bits) => bits * Math.LN2);
const SCORED = {
  ...{ line: "<s> a  b", words: ["a", "b"], unknown: [false, true] },
  ...{ logProbs: Float64Array.from(LOGS), logProb: -7 * Math.LN2 },
};
const settingsOf = (given: Given) => readOptions(SCORE, given);

Deno.test("scoreLines() has the sentence and its words in the base that is asked for", () => {
  assertEquals(scoreLines(SCORED, settingsOf({})), ["-4.852030\t3\t1\t<s> a  b"]);
  assertEquals(scoreLines(SCORED, settingsOf({ base: "2", words: true })), [
    "-7.000000\t3\t1\t<s> a  b",
    "\t-1.000000\t1\t0\ta",
    "\t-4.000000\t1\t1\tb",
    "\t-2.000000\t1\t0\t</s>",
  ]);
  const [text, ...more] = scoreLines(SCORED, settingsOf({ base: "2", words: true, json: true }));
  const { words, logProb, ...others } = JSON.parse(text!);
  assertEquals([more, others], [[], { tokens: 3, unknown: 1, sentence: "<s> a  b" }]);
  assertAlmostEquals(logProb, -7, 1e-12);
  assertEquals(words.map(({ word, unknown }: typeof words[0]) => [word, unknown]), [
    ["a", false],
    ["b", true],
    ["</s>", false],
  ]);
  [-1, -4, -2].forEach((bits, i) => assertAlmostEquals(words[i].logProb, bits, 1e-12));
});

Deno.test("ScoreSums tell perplexities of exact scores alone, with and without unknown words", () => {
  const sums = new ScoreSums();
  for (let i = 0; i < 2; i++) sums.add(SCORED);
  assertEquals([sums.sentences, sums.words, sums.unknown], [2, 4, 2]);
  assertEquals(sums.lines(settingsOf({ base: "10" })), [
    "text        2 sentences, 6 tokens with the ends of sentences, 2 unknown words",
    "score       log probability -4.214420 (base 10), ppl 5.039684, 2.828427 without the unknown words",
  ]);
  assertEquals(sums.lines(settingsOf({ base: "2", mode: "raw" })), [
    "text        2 sentences, 6 tokens with the ends of sentences, 2 unknown words",
    "score       log probability -14.000000 (base 2), -2.333333 a token (--mode raw: not a perplexity)",
  ]);
  const [json] = sums.lines(settingsOf({ base: "2", json: true }));
  const { ppl, pplKnown, logProb, ...others } = JSON.parse(json!);
  assertEquals(others, { mode: "exact", base: "2", sentences: 2, tokens: 6, unknown: 2 });
  const found = [ppl, pplKnown, logProb], expected = [2 ** (7 / 3), 2 ** 1.5, -14];
  found.forEach((figure, i) => assertAlmostEquals(figure, expected[i]!, 1e-9));
  const [raw] = sums.lines(settingsOf({ json: true, mode: "raw" }));
  assertEquals(Object.keys(JSON.parse(raw!)).filter((name) => name.startsWith("ppl")), []);
  const one = new ScoreSums();
  one.add({ logProbs: Float64Array.of(-1), logProb: -1, unknown: [] });
  assertEquals(one.lines(settingsOf({})), [
    "text        1 sentence, 1 token with the ends of sentences, 0 unknown words",
    "score       log probability -1.000000 (base e), ppl 2.718282",
  ]);
  assertEquals("pplKnown" in JSON.parse(one.lines(settingsOf({ json: true }))[0]!), false);
  one.add({ logProbs: Float64Array.of(-3, -1), logProb: -4, unknown: [true] });
  const [, shown] = one.lines(settingsOf({}));
  assertEquals(shown?.split(", ")[2], "2.718282 without the unknown words");
  assertEquals("pplKnown" in JSON.parse(one.lines(settingsOf({ json: true }))[0]!), true);
});
