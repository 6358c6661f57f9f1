/**
 * Reports in Chromium, light and dark, on a phone and on a wide screen: axe finds no fault in them, nothing
 * sticks out, and nothing is loaded. `deno task check:report` needs Chromium (CHROMIUM names another program
 * than `chromium`).
 */

import axe from "axe-core";
import { pageOf } from "../../../example/report/page.ts";
import { readRun, runPaths } from "../../../example/report/reported_run.ts";
import { runInChromium } from "../../package/chromium.ts";
import { inFolder } from "../../support/folder.ts";
import { madeUpEvents, recordText } from "../../support/report_runs.ts";

const SCHEMES = ["light", "dark"], WIDTHS = [360, 1600];
const EVIL = `"><img src=x onerror="document.title='bad'">`;

/** What the check found in a page. */
interface Finding {
  readonly where: string;
  readonly isDark: boolean;
  readonly violations: readonly string[];
  readonly checks: number;
  readonly tooWide: number;
  readonly loaded: number;
  readonly title: string;
}

/** Opens a page in a frame of each kind, with all tables unfolded, and runs axe in it. */
const SCRIPT = `
const axe = await (await fetch("axe.txt")).text(), findings = [];
for (const page of PAGES) for (const scheme of SCHEMES) for (const width of WIDTHS) {
  const frame = document.createElement("iframe");
  frame.style = "height:900px;border:0;width:" + width + "px;color-scheme:" + scheme;
  frame.src = page;
  const loaded = new Promise((resolve) => frame.onload = resolve);
  document.body.append(frame);
  await loaded;
  const inner = frame.contentWindow, { documentElement, title } = inner.document;
  inner.document.querySelectorAll("details").forEach((details) => details.open = true);
  const all = inner.performance.getEntriesByType("resource").length;
  inner.eval(axe);
  const { violations, passes } = await inner.axe.run();
  findings.push({
    where: [page, scheme, width].join(" "),
    isDark: inner.matchMedia("(prefers-color-scheme:dark)").matches,
    violations: violations.map(({ id, impact, nodes }) =>
      [impact, id, ...nodes.slice(0, 3).map((node) => node.html.slice(0, 200))].join(": ")),
    checks: passes.length,
    tooWide: documentElement.scrollWidth - documentElement.clientWidth,
    loaded: all,
    title,
  });
  frame.remove();
}
return findings;`;

/** Pages of one run and of two. */
function pages(): Map<string, string> {
  const read = (names: readonly string[]) => names.map((name) => readRun(runPaths(name)));
  return new Map([
    ["one.html", pageOf(read(["nce"]), false)],
    ["two.html", pageOf(read(["nce", EVIL]), false)],
  ]);
}

const findings = await inFolder(async () => {
  Deno.mkdirSync("saved_model");
  const runs = [["nce", madeUpEvents({ nce: true, audit: "50" }, 40)], [
    EVIL,
    madeUpEvents({ loss: "full" }, 3),
  ]] as const;
  for (const [name, events] of runs) {
    Deno.writeTextFileSync(`saved_model/${name}.metrics.jsonl`, recordText(events));
  }
  const made = pages(), constants = { PAGES: [...made.keys()], SCHEMES, WIDTHS };
  const lines = Object.entries(constants).map(([name, value]) =>
    `const ${name} = ${JSON.stringify(value)};`
  );
  const files = new Map([...made, ["axe.txt", axe]]);
  return await runInChromium(files, [...lines, SCRIPT].join("\n")) as Finding[];
});

let faults = 0;
for (const { where, isDark, violations, checks, tooWide, loaded, title } of findings) {
  const wrong = [
    ...violations,
    ...(isDark === where.includes("dark") ? [] : ["shown in the other scheme"]),
    ...(tooWide > 0 ? [`${tooWide} pixels too wide`] : []),
    ...(loaded > 0 ? [`${loaded} files loaded`] : []),
    ...(title === "bad" ? ["a script ran"] : []),
  ];
  console.log(`${where}: ${checks} rules passed, ${wrong.length} faults`);
  for (const line of wrong) console.log(`  ${line}`);
  faults += wrong.length;
}
Deno.exit(findings.length === 8 && faults === 0 ? 0 : 1);
