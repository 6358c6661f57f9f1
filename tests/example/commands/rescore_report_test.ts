// The table of what rescoring found.

import { assertEquals } from "@std/assert";
import stringWidth from "string-width";
import { reportLines } from "../../../example/commands/rescore_report.ts";
import type { Result } from "../../../example/rescoring/contest.ts";

const COUNTS = {
  ...{ lists: 1000, hypotheses: 50_000, dev: 400, test: 600, words: 5035 },
  unknown: [{ model: "ce", words: 600_000, unknown: 0 }],
};
const TABLE = { json: false, dev: 0.4 };
const RESULT = {
  ...{ system: "first-best", wer: 22.456, substitutions: 1678, deletions: 390, insertions: 63 },
  ...{ interval: [21.2, 23.67], versus: {} },
} satisfies Result;
const pairs = (p: number) => ({ segments: 9, mean: 0.1, p });
const RESULTS: readonly Result[] = [
  RESULT,
  {
    ...RESULT,
    ...{ system: "ce", wer: 7.1, weights: { lm: 0.85931, penalty: -0.5 }, seconds: 53.61 },
    versus: { "first-best": pairs(0.0004) },
  },
  { ...RESULT, system: "true language", versus: { "first-best": pairs(0.0314) } },
];

Deno.test("the table has a row for each system, aligned, and says what p and the true language are", () => {
  assertEquals(
    reportLines(COUNTS, RESULTS, TABLE),
    [
      "lists       1,000 with 50,000 hypotheses; weights searched on the first 400; errors counted on " +
      "600 with 5,035 words",
      "system         WER %   95 % interval    sub  del  ins  LM weight  penalty  p, first-best  seconds",
      "first-best     22.46  21.20 to 23.67  1,678  390   63                                            ",
      "ce              7.10  21.20 to 23.67  1,678  390   63     0.8593     -0.5         <0.001     53.6",
      "true language  22.46  21.20 to 23.67  1,678  390   63                              0.031         ",
      "true language: the most probable sentences, by the language itself and the channel's own scores",
      "p: chance of such a difference between equal systems, by the permutation test of NIST's matched " +
      "pairs (MAPSSWE); under 0.05 only where 6 segments or more differ",
    ].map((line) => line.trimEnd()),
  );
});

Deno.test("the table has p in three digits, and says of what is smaller that it is", () => {
  const shown = [1, 0.0314, 0.0051, 0.001, 0.00099].map((p) => {
    const result = { ...RESULT, versus: { "first-best": pairs(p) } };
    return reportLines(COUNTS, [RESULT, result], TABLE)[3]!.split(" ").at(-1);
  });
  assertEquals(shown, ["1.000", "0.031", "0.005", "0.001", "<0.001"]);
});

Deno.test("the table says why there is no interval", () => {
  const { interval: _, ...few } = RESULT;
  assertEquals(reportLines(COUNTS, [few], TABLE).slice(1), [
    "system      WER %  95 % interval    sub  del  ins  LM weight  penalty  seconds",
    "first-best  22.46                 1,678  390   63",
    "95 % interval: none from fewer than 20 lists, which say too little of others",
  ]);
});

Deno.test("the table stays aligned beside a name of wide characters", () => {
  const named = [RESULT, { ...RESULT, system: "天地玄黃宇宙" }];
  const [, head, ...rows] = reportLines(COUNTS, named, TABLE);
  const end = stringWidth(head!.slice(0, head!.indexOf("WER %") + 5));
  for (const row of rows) {
    assertEquals(stringWidth(row.slice(0, row.indexOf("22.46") + 5)), end, row);
  }
});

Deno.test("the findings are one JSON object, and without references there is no table", () => {
  const [json, ...more] = reportLines(COUNTS, RESULTS, { ...TABLE, json: true });
  assertEquals(JSON.parse(json!), { ...COUNTS, systems: RESULTS });
  assertEquals(more, []);
  const none = {
    ...COUNTS,
    dev: 0,
    test: 0,
    words: 0,
    weights: { ce: { lm: 0.85931, penalty: -0.5 } },
  };
  assertEquals(reportLines(none, [], TABLE), [
    "lists       1,000 with 50,000 hypotheses; no references, so no errors are counted",
    "weights     ce: LM weight 0.8593, penalty -0.5",
  ]);
});

Deno.test("the lines say which words models do not know, and where weights are from", () => {
  const unknown = [
    { model: "ce", words: 600, unknown: 7 },
    { model: "all", words: 600, unknown: 0 },
    { model: "ce", words: 600, unknown: 7 },
  ];
  assertEquals(
    reportLines({ ...COUNTS, unknown }, RESULTS, { ...TABLE, dev: "dev/" }).slice(0, 2),
    [
      "lists       1,000 with 50,000 hypotheses; weights searched on 400 of dev/; errors counted on " +
      "600 with 5,035 words",
      "unknown     1.2 % of the words to ce",
    ],
  );
  const one = { ...COUNTS, dev: 1, unknown: [{ model: "ce", words: 50, unknown: 1 }] };
  assertEquals(reportLines(one, RESULTS, TABLE).slice(0, 2), [
    "lists       1,000 with 50,000 hypotheses; weights searched on the first 1; errors counted on " +
    "600 with 5,035 words",
    "unknown     2 % of the words to ce",
  ]);
});
