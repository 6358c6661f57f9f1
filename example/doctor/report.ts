/** The findings as a list for people, or as one JSON object. */

import type { Screen } from "../shared/io.ts";
import { wrap } from "../shared/width.ts";
import { type Finding, type Grade, SUBJECTS } from "./finding.ts";

const COLORS = { stop: "red", warn: "yellow", fine: "green" } as const;

/** From this width on, texts are printed beside their names. */
const WIDE = 70;
const INDENT = "    ";

/** Prints the findings by subject, without what is `fine` if `quiet`, and the number of all. */
export function printFindings(findings: readonly Finding[], quiet: boolean, io: Screen): void {
  const shown = findings.filter(({ grade }) => grade !== "fine" || !quiet);
  const width = Math.max(0, ...shown.map(({ name }) => name.length));
  for (const subject of SUBJECTS) {
    const own = shown.filter((finding) => finding.subject === subject);
    if (own.length > 0) io.out(subject);
    for (const finding of own) printFinding(finding, width, io);
  }
  io.out(verdictLine(findings));
}

/** Prints a finding; names are padded to `width`. */
function printFinding({ grade, name, text, cure }: Finding, width: number, io: Screen): void {
  const isNarrow = io.isTerminal && io.columns < WIDE;
  const start = `  ${grade}  ${isNarrow ? name : `${name.padEnd(width)}  `}`;
  const indent = isNarrow ? INDENT : " ".repeat(start.length);
  const room = io.isTerminal ? io.columns - indent.length : Infinity;
  const lines = [text, ...cure === undefined ? [] : [`cure: ${cure}`]]
    .flatMap((part) => wrap(part, room));
  io.out(start + (isNarrow ? "" : lines.shift()), { word: grade, color: COLORS[grade] });
  for (const line of lines) io.out(indent + line);
}

/** How many findings there are of each grade. */
function verdictLine(findings: readonly Finding[]): string {
  const { stop, warn, fine } = countByGrade(findings);
  const verdict = stop > 0 ? "this run cannot start" : "this run can start";
  return `${verdict}: ${stop} to stop it, ${warn} to look at, ${fine} fine`;
}

/** The number of findings of each grade. */
export function countByGrade(findings: readonly Finding[]): Record<Grade, number> {
  const of = (grade: Grade) => findings.filter((finding) => finding.grade === grade).length;
  return { stop: of("stop"), warn: of("warn"), fine: of("fine") };
}

/** The findings for programs, in one line. */
export function findingsJson(findings: readonly Finding[]): string {
  return JSON.stringify({ ...countByGrade(findings), findings });
}
