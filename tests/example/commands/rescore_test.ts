// `rescore` and `make-nbest`: what is chosen by which weights, what is counted, and what is written.

import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { main } from "../../../example/cli/main.ts";
import { rescore } from "../../../example/commands/rescore.ts";
import { makeNBest } from "../../../example/commands/make_nbest.ts";
import { score } from "../../../example/commands/score.ts";
import type { Given } from "../../../example/options/option.ts";
import type { NBestList } from "../../../example/rescoring/nbest.ts";
import { align, countErrors, errorsOf } from "../../../example/rescoring/errors.ts";
import { readLists } from "../../../example/rescoring/read_lists.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { captureIo } from "../../support/capture_io.ts";
import { namesIn } from "../../support/folder.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";
import { findings, lists, TEXTS, withTiny, writeJson } from "../../support/rescoring.ts";

leaseToProgram();

/** The model's score of each text. */
async function scoresOf(model: string): Promise<number[]> {
  Deno.writeTextFileSync("texts", TEXTS.map((text) => `${text}\n`).join(""));
  const io = captureIo();
  await score([model, "texts"], { json: true }, io);
  return io.outLines.map((line) => JSON.parse(line).logProb);
}

Deno.test("rescore writes lists with the model's scores, the best first, in the format that came", () =>
  withTiny(async () => {
    const [scores, all] = [await scoresOf("tiny"), lists(3)];
    writeJson("lists", all);
    for (const [interpolate, penalty] of [[1, 0], [0.25, 2], [0, -1]] as const) {
      const weights = { "lm-weight": "3", "word-penalty": `${penalty}` };
      await findings("tiny", "lists", { ...weights, interpolate: `${interpolate}`, out: "new" });
      const { format, lists: found } = await readLists("new");
      assertEquals(format, "json");
      for (const [i, list] of all.entries()) {
        const expected = list.hypotheses.map((hypothesis, j) => {
          const lm = interpolate * scores[j]! + (1 - interpolate) * hypothesis.lm!;
          const total = hypothesis.acoustic + 3 * lm + penalty * hypothesis.words.length;
          return { lm, total, words: hypothesis.words };
        }).sort((a, b) => b.total - a.total);
        assertEquals(found[i]!.hypotheses.map(({ words }) => words), expected.map((x) => x.words));
        found[i]!.hypotheses.forEach(({ lm }, j) => assertAlmostEquals(lm!, expected[j]!.lm, 1e-4));
        assertEquals(found[i]!.reference, list.reference);
      }
    }
  }));

Deno.test("rescore counts errors on what it did not search weights on, and compares systems", () =>
  withTiny(async () => {
    writeJson("lists", lists(20));
    const found = await findings("tiny,tiny:raw,gru:sampled:5", "lists", { dev: "0.25" });
    assertEquals([found.lists, found.dev, found.test, found.hypotheses], [20, 5, 15, 80]);
    assertEquals(found.systems.map(({ system }: { system: string }) => system), [
      ...["first-best", "tiny", "tiny:raw", "gru:sampled:5", "true language", "oracle"],
    ]);
    const [first, tiny, raw, , truth, oracle] = found.systems;
    assertEquals(oracle.wer, 0);
    const errors = lists(20).slice(5).map(({ reference, hypotheses }) => {
      const totals = hypotheses.map(({ acoustic, truth }) => acoustic + truth!);
      const { words } = hypotheses[totals.indexOf(Math.max(...totals))]!;
      return errorsOf(countErrors(align(reference!, words)));
    });
    assertAlmostEquals(truth.wer, 100 * errors.reduce((a, b) => a + b) / found.words, 1e-9);
    assertEquals(
      first.wer,
      100 * (first.substitutions + first.deletions + first.insertions) / found.words,
    );
    assertEquals(Object.keys(tiny.versus), ["first-best"]);
    assertEquals(Object.keys(raw.versus), ["first-best", "tiny"]);
    assertEquals(tiny.interval, undefined); // from 15 lists
    assert(tiny.seconds > 0 && truth.seconds === undefined);
    // With both weights given nothing is searched, and all lists count.
    const given = await findings("tiny", "lists", { "lm-weight": "0", "word-penalty": "0" });
    assertEquals([given.dev, given.test], [0, 20]);
    const { wer, interval: [low, high] } = given.systems[1];
    assert(low <= wer && wer <= high && low < high);
    assertEquals(given.systems[1].weights, { lm: 0, penalty: 0 });
    const one = await findings("tiny", "lists", { "lm-weight": "2.5" });
    assertEquals([one.systems[1].weights.lm, one.dev], [2.5, 10]);
  }));

Deno.test("rescore finds the same with references from a file, and by looking at SRILM's files", () =>
  withTiny(async () => {
    const all = lists(8);
    writeJson("with", all);
    writeJson("without", all.map(({ id, hypotheses }) => ({ id, hypotheses })));
    Deno.writeTextFileSync(
      "ref",
      all.map(({ id, reference }) => `${reference!.join(" ")} (${id})\n`).join(""),
    );
    const plain = (found: { systems: Record<string, unknown>[] }) =>
      found.systems.map(({ seconds: _seconds, ...others }) => others);
    const expected = plain(await findings("tiny", "with"));
    assertEquals(plain(await findings("tiny", "without", { ref: "ref" })), expected);
    Deno.writeTextFileSync("short", "u0 w1\n");
    await assertRejects(
      () => findings("tiny", "with", { ref: "short" }),
      Failure,
      "Cannot use --ref short: it has no utterance u1",
    );
    const io = captureIo();
    await rescore(["tiny", "without"], { "lm-weight": "1" }, io);
    assertEquals(io.outLines, [
      "lists       8 with 32 hypotheses; no references, so no errors are counted",
      "unknown     17 % of the words to tiny",
      "weights     tiny: LM weight 1, penalty 0",
    ]);
  }));

Deno.test("make-nbest makes lists that rescore takes in every format, with one table for all", () =>
  withTiny(async () => {
    const given = { data: "synthetic:words=2000,vocab=100", lists: "6", size: "5", noise: "0.8" };
    const io = captureIo();
    makeNBest(given, io);
    assertEquals(io.outLines.length, 6);
    for (const format of ["json", "srilm", "kaldi"]) {
      makeNBest({ ...given, format, out: format }, io);
      const ref: Given = format === "json" ? {} : { ref: `${format}.ref` };
      const out = captureIo();
      assertEquals(
        await main([
          "rescore",
          "tiny",
          format,
          ...Object.entries(ref).flatMap(([name, path]) => [`--${name}`, `${path}`]),
        ], out),
        0,
        out.errLines.join("\n"),
      );
      assertMatch(
        out.outLines[0]!,
        /^lists +6 with \d+ hypotheses; weights searched on the first 3; /,
      );
      assertEquals(out.outLines[1], "unknown     100 % of the words to tiny");
      assertMatch(out.outLines[2]!, /^system +WER % +95 % interval +sub +del +ins +LM weight/);
      const names = out.outLines.slice(3).map((line) => line.split("  ")[0]);
      assertEquals(names.slice(0, 2), ["first-best", "tiny"]);
      assertEquals(names.includes("true language"), format === "json");
      const { lists: read } = await readLists(format);
      assertEquals(
        read.map(({ hypotheses }) => hypotheses.length),
        (await readLists("json")).lists.map(({ hypotheses }) => hypotheses.length),
      );
    }
  }));

Deno.test("rescore says what is wrong in one line, with the right exit code", () =>
  withTiny(async () => {
    writeJson("lists", lists(4));
    writeJson("one", lists(1));
    writeJson("bare", lists(2).map(({ id, hypotheses }) => ({ id, hypotheses })));
    writeJson(
      "some",
      lists(2).map((list, i) =>
        i === 0 ? list : { ...list, id: "u9", reference: undefined }
      ) as NBestList[],
    );
    writeJson("old", [{ id: "u", reference: ["a"], hypotheses: [{ words: ["a"], acoustic: -1 }] }]);
    Deno.writeTextFileSync("empty", "");
    Deno.writeTextFileSync("text.safetensors", "some text, and no model\n");
    const cases: readonly (readonly [string, number, RegExp])[] = [
      ["rescore", 2, /^error: nce rescore <model> \[lists\] needs <model>; see --help$/],
      [
        "rescore tine lists",
        2,
        /^error: There is no model saved_model\/tine\.safetensors: did you/,
      ],
      ["rescore tiny,nix lists", 2, /^error: There is no model saved_model\/nix\.safetensors/],
      [
        "rescore text.safetensors lists",
        1,
        /^error: Cannot load text\.safetensors: it is truncated/,
      ],
      [
        "rescore tiny:rawbest lists",
        2,
        /^error: The mode of tiny:rawbest must be exact, raw, raw-best or sampled:K .*, got "rawbest"; did you mean raw-best\?$/,
      ],
      [
        "rescore tiny:sampled:0 lists",
        2,
        /^error: The mode of tiny:sampled:0 must be .*"sampled:0"/,
      ],
      ["rescore tiny,, lists", 2, /^error: "tiny,," lacks a model beside a comma$/],
      [
        "rescore tiny,gru,tiny:exact lists",
        2,
        /^error: The system tiny:exact is named twice: name it once$/,
      ],
      ["rescore tiny none", 2, /^error: Cannot read none: there is no such file$/],
      [
        "rescore tiny empty",
        1,
        /^error: Cannot read empty: it is empty, and a list has at least one/,
      ],
      [
        "rescore tiny",
        2,
        /^error: Cannot tell the format of lists on standard input: give --format$/,
      ],
      [
        "rescore tiny bare",
        2,
        /^error: Cannot search weights: the lists do not say what was said; give --ref, or --lm-weight without --dev$/,
      ],
      [
        "rescore tiny bare --lm-weight 1 --dev 0.3",
        2,
        /^error: Cannot search weights: the lists do not say what was said; give --ref, or --lm-weight without --dev$/,
      ],
      [
        "rescore tiny lists --dev bare",
        2,
        /^error: Cannot search weights: the lists of --dev bare do not say what was said; give --ref /,
      ],
      ...["0.3", "none"].map((dev) =>
        [
          `rescore tiny lists --dev ${dev} --lm-weight 1 --word-penalty 0`,
          2,
          new RegExp(
            `^error: --dev ${dev} has no effect with --lm-weight and --word-penalty: leave it out$`,
          ),
        ] as const
      ),
      [
        "rescore tiny some",
        1,
        /^error: Cannot count errors: u9 has no reference, and others have$/,
      ],
      ["rescore tiny one", 1, /^error: Cannot search weights and count errors on a single list: /],
      [
        "rescore tiny old --interpolate 0.5",
        1,
        /^error: Cannot use --interpolate 0\.5: a hypothesis /,
      ],
      [
        "rescore tiny,gru lists --out x",
        2,
        /^error: --out writes the lists of one model, and 2 are /,
      ],
      [
        "rescore tiny bare --out saved_model",
        1,
        /^error: Cannot write saved_model: it is a folder$/,
      ],
      ["rescore tiny some --out new/x", 1, /^error: Cannot count errors: u9 has no reference, /],
      [
        "rescore tiny:sampled:9999999 lists",
        1,
        /^error: Cannot use --mode sampled:9999999 on this /,
      ],
      [
        "rescore tiny lists --format kaldi",
        2,
        /^error: Cannot read lists: lists of --format kaldi /,
      ],
      [
        "rescore tiny - --format kaldi",
        2,
        /^error: Cannot read standard input: lists of --format kaldi are in a folder$/,
      ],
      [
        "make-nbest --format kaldi",
        2,
        /^error: --format kaldi makes a folder: give its path by --out$/,
      ],
      ["make-nbest --data penn", 2, /^error: "penn" is not "synthetic\[:name=value,\.\.\.\]"$/],
    ];
    for (const [words, code, message] of cases) {
      const io = captureIo();
      assertEquals(await main(words.split(" "), io), code, words);
      const errors = io.errLines.filter((line) => !line.startsWith("warning: "));
      assertEquals([errors.length, io.outLines.length], [1, 0], words);
      assertMatch(errors[0]!, message);
    }
    assertEquals(namesIn(".").filter((name) => name === "new"), []);
  }));
