// --eval-tokens: validation and test on a fixed part, with its standard error.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { inFolder } from "../../support/folder.ts";
import { events, lastLine, runTiny } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const TRAIN = { "train": true, "epochs": "1", "loss": "nce" };

Deno.test("--eval-tokens scores a part, and the whole is within some standard errors of it", () =>
  inFolder(async () => {
    const part = await runTiny({ ...TRAIN, "eval-tokens": "60" });
    const number = String.raw`[\d.]+`;
    assertMatch(
      lastLine(part),
      new RegExp(
        `^test        ppl ${number} \u00b1 ${number} \\(standard error\\), best possible .*, \\d\\d of 221 tokens$`,
      ),
    );
    assertMatch(
      part.find((line) => line.startsWith("epoch 1/1:"))!,
      /valid ppl [\d.]+ \u00b1 [\d.]+,/,
    );
    await runTiny({});
    const [first, second] = events("model").filter(({ event }) => event === "test") as {
      ppl: number;
      standardError?: number;
      tokens: number;
      ofTokens?: number;
    }[];
    assertEquals([first!.ofTokens, second!.tokens, second!.ofTokens], [221, 221, undefined]);
    assert(first!.tokens >= 60 && first!.tokens < 91);
    const error = first!.standardError!;
    assert(error > 0 && error < second!.ppl / 2);
    assert(Math.abs(first!.ppl - second!.ppl) < 4 * error, `${first!.ppl} of ${second!.ppl}`);
    // The same part again, and all of the text if there is no more of it.
    await runTiny({ "eval-tokens": "60" });
    await runTiny({ "eval-tokens": "1e9" });
    const [, , again, all] = events("model").filter(({ event }) => event === "test");
    assertEquals([again!["ppl"], again!["standardError"]], [first!.ppl, error]);
    assertEquals([all!["ppl"], all!["standardError"]], [second!.ppl, 0]);
  }));

Deno.test("--eval-tokens has a standard error by every kind of evaluation", () =>
  inFolder(async () => {
    await runTiny({ ...TRAIN, "loss": "sampled" });
    for (const evaluation of ["nce", "loss", "sampled:20"]) {
      const all = await runTiny({ evaluation }),
        part = await runTiny({ evaluation, "eval-tokens": "60" });
      assertMatch(lastLine(all), /(?:loss|probability) [\d.-]+ a token, 221 tokens /);
      assertMatch(
        lastLine(part),
        /(?:loss|probability) [\d.-]+ \u00b1 [\d.]+ \(standard error\) a token, \d\d of 221 tokens /,
      );
    }
  }));

Deno.test("a part of one sentence has no standard error", () =>
  inFolder(async () => {
    const lines = await runTiny({ ...TRAIN, "eval-tokens": "1" });
    assertMatch(lastLine(lines), /^test {8}ppl [\d.]+, best possible .*, \d+ of 221 tokens$/);
    assertMatch(lines.find((line) => line.startsWith("epoch 1/1:"))!, /valid ppl [\d.]+,/);
    assertMatch(
      lastLine(await runTiny({ evaluation: "nce", "eval-tokens": "1" })),
      /probability [\d.-]+ a token/,
    );
    for (const test of events("model").filter(({ event }) => event === "test")) {
      assertEquals([test["standardError"], test["ofTokens"]], [undefined, 221]);
    }
  }));
