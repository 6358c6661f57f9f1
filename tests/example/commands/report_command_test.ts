/** The command `report`: its file, its errors, opening the file, and watching a run. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { OPENER, report, reportPaths } from "../../../example/commands/report.ts";
import { MAX_SERIES } from "../../../example/report/charts.ts";
import { lockModel } from "../../../example/storage/lock.ts";
import type { Given } from "../../../example/options/option.ts";
import { type CapturedIo, captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { deno } from "../../support/process.ts";
import { madeUpEvents, recordText } from "../../support/report_runs.ts";

const LINES = recordText(madeUpEvents({ nce: true }, 3)).trimEnd().split("\n");
const MAIN = new URL("../../../main.ts", import.meta.url).href;
const pathOf = (name: string) => `saved_model/${name}.metrics.jsonl`;

/** Runs the command in a folder with the records of these runs. */
function withRecords(
  names: readonly string[],
  body: (call: (words: string[], given?: Given) => Promise<CapturedIo>) => Promise<void>,
): Promise<void> {
  return inFolder(async () => {
    Deno.mkdirSync("saved_model");
    for (const name of names) Deno.writeTextFileSync(pathOf(name), LINES.join("\n") + "\n");
    await body(async (words, given = {}) => {
      const io = captureIo();
      await report(words, given, io, { mayOpen: false });
      return io;
    });
  });
}

Deno.test("report() writes a file named after its runs, or as it is told", () =>
  withRecords(["a", "b"], async (call) => {
    const { outLines, errLines } = await call(["a"]);
    assertEquals([outLines, errLines], [["report      saved_model/a.report.html"], []]);
    await call(["a", "saved_model/b.safetensors"]);
    await call([pathOf("b")], { out: "new/page.html" });
    await call(["a"], { out: "new/page.html" }); // a report may be replaced
    assertEquals(namesIn("saved_model"), [
      ...["a+b.report.html", "a.metrics.jsonl", "a.report.html", "b.metrics.jsonl"],
    ]);
    assertEquals(namesIn("new"), ["page.html"]);
    assertMatch(Deno.readTextFileSync("saved_model/a+b.report.html"), /^<!DOCTYPE html>\n/);
    const long = "x".repeat(150), { out } = reportPaths([long, "b", "c"], {});
    assertEquals(out, `saved_model/${long}+2.report.html`.replace("+2", "+b+c"));
    const longer = reportPaths([long, `y${long}`], {}).out;
    assertEquals(longer, `saved_model/${long}+1.report.html`);
  }));

Deno.test("report() names what it cannot report, and writes nothing", () =>
  withRecords(["demo", "empty"], async (call) => {
    Deno.writeTextFileSync(pathOf("empty"), "\n{\n");
    Deno.mkdirSync("page.html");
    Deno.writeTextFileSync("own.html", "<!DOCTYPE html>\n<title>My notes</title>");
    Deno.writeTextFileSync("m.safetensors", "a model");
    const many = Array.from({ length: MAX_SERIES + 1 }, (_, i) => `r${i}`);
    const cases: [string[], Given, "UsageError" | "Failure", string][] = [
      [
        ["dmo"],
        {},
        "UsageError",
        "There is no record saved_model/dmo.metrics.jsonl: did you mean demo?",
      ],
      [
        ["demo", "x/y.safetensors"],
        ...[{}, "UsageError"] as const,
        "There is no record x/y.metrics.jsonl: train with --save NAME, which writes " +
        "saved_model/NAME.metrics.jsonl",
      ],
      [
        ["demo", pathOf("demo")],
        {},
        "UsageError",
        "The run saved_model/demo is named twice: name it once",
      ],
      [many, {}, "UsageError", "A report shows at most 8 runs, got 9: make several reports"],
      [
        ["empty"],
        ...[{}, "Failure"] as const,
        "Cannot report saved_model/empty.metrics.jsonl: no line of it is an event of a run",
      ],
      [
        ["demo"],
        { out: "page.html" },
        ...["UsageError", "Cannot write page.html: it is a folder; give a file"] as const,
      ],
      ...["own.html", "m.safetensors", pathOf("demo")].map((out): typeof cases[number] => [
        ["demo"],
        { out },
        "UsageError",
        `Cannot replace ${out}, which is no report: give another --out`,
      ]),
    ];
    for (const [words, given, kind, message] of cases) {
      const error = await assertRejects(() => call(words, given), Error);
      assertEquals([error.name, error.message], [kind, message]);
    }
    assertEquals(namesIn("saved_model"), ["demo.metrics.jsonl", "empty.metrics.jsonl"]);
    assertEquals(Deno.readTextFileSync("m.safetensors"), "a model");
  }));

Deno.test("report() without the permission to open the file says where it is", () =>
  withRecords(["a"], async (call) => {
    const { errLines } = await call(["a"], { open: true });
    assertEquals(errLines, [
      `warning: cannot open saved_model/a.report.html: that needs the flag --allow-run=${OPENER}; ` +
      "open it yourself",
    ]);
  }));

/** What the page shows now: the number of epochs, and whether it loads itself again. */
function shown(): [epochs: string | undefined, isWatched: boolean] {
  const page = Deno.readTextFileSync("saved_model/a.report.html");
  const [, epochs] = />epochs<\/th><td>(\d+)</.exec(page) ?? [];
  return [epochs, page.includes('http-equiv="refresh"')];
}

Deno.test("report() renews the file while a run goes on, and once more when it ends", () =>
  withRecords([], async () => {
    const io = captureIo(),
      lock = lockModel("a"),
      first = LINES.findIndex((x) => /"epoch"/.test(x));
    const write = (lines: readonly string[]) =>
      Deno.writeTextFileSync(pathOf("a"), lines.join("\n") + "\n");
    write(LINES.slice(0, first + 1));
    const seen: unknown[] = [];
    const steps = [
      () => {},
      () => write(LINES.slice(0, -8)),
      () => {
        write(LINES);
        lock[Symbol.dispose]();
      },
    ];
    await report(["a"], { watch: true }, io, {
      mayOpen: false,
      pause: () => {
        seen.push(shown());
        steps.shift()!();
        return Promise.resolve(true);
      },
    });
    assertEquals(seen, [["0", true], ["0", true], ["2", true]]);
    assertEquals(shown(), ["3", false]);
    assertEquals([steps, io.errLines], [[], []]);
  }));

Deno.test("report() leaves a page that does not load itself again when watching is stopped", () =>
  withRecords(["a"], async (call) => {
    using _lock = lockModel("a");
    const pause = () => Promise.resolve(false);
    await report(["a"], { watch: true }, captureIo(), { mayOpen: false, pause });
    assertEquals(shown(), ["3", false]);
    _lock[Symbol.dispose]();
    const { errLines } = await call(["a"], { watch: true });
    assertEquals(errLines, ["warning: none of these runs is going on: nothing to watch"]);
    assertEquals(shown(), ["3", false]);
  }));

Deno.test("main.ts makes and opens a report with the permissions of its folder alone", () =>
  withRecords(["a", "b"], async () => {
    const folder = Deno.cwd(), opened = `${folder}/opened`;
    Deno.mkdirSync("bin");
    Deno.writeTextFileSync(`bin/${OPENER}`, `#!/bin/sh\nprintf %s "$1" > "${opened}"\n`);
    Deno.chmodSync(`bin/${OPENER}`, 0o755);
    const flags = ["--no-prompt", "--allow-read=saved_model", "--allow-write=saved_model"];
    const env = { PATH: `${folder}/bin:${Deno.env.get("PATH")}` };
    const run = [
      `--allow-run=${folder}/bin/${OPENER},${OPENER}`,
      MAIN,
      "report",
      "a",
      "b",
      "--open",
    ];
    const { code, out, err } = await deno(["run", ...flags, ...run], folder, env);
    assertEquals([code, out, err], [0, "report      saved_model/a+b.report.html\n", ""]);
    const path = Deno.realPathSync("saved_model/a+b.report.html");
    assertEquals(Deno.readTextFileSync(opened), path);
    const denied = await deno(["run", "--no-prompt", MAIN, "report", "a"], folder);
    assertEquals([denied.code, denied.out], [2, ""]);
    assert(denied.err.startsWith("error: May not read saved_model: "), denied.err);
    const onFolder = [...flags.slice(0, 1), "--allow-read", MAIN, "report", "a"];
    const { err: said } = await deno(["run", ...onFolder, "--out", "saved_model"], folder);
    assertEquals(said, "error: Cannot write saved_model: it is a folder; give a file\n");
  }));
