/** The findings as a list for people, or as one JSON object. */

import type { Screen } from "../shared/io.ts";
import { wrap } from "../shared/width.ts";
import { type Finding, type Grade, SUBJECTS } from "./finding.ts";

const COLORS = { stop: "red", warn: "yellow", fine: "green" } as const;

/** Prints the findings by subject, and their number. */
export function printFindings(findings: readonly Finding[], io: Screen): void {
  const width = Math.max(0, ...findings.map(({ name }) => name.length));
  for (const subject of SUBJECTS) {
    const own = findings.filter((finding) => finding.subject === subject);
    if (own.length > 0) io.out(subject);
    for (const { grade, name, text, cure } of own) {
      const start = `  ${grade}  ${name.padEnd(width)}  `, indent = " ".repeat(start.length);
      const room = io.isTerminal ? io.columns - start.length : Infinity;
      const [first = "", ...rest] = wrap(text, room);
      io.out(start + first, { word: grade, color: COLORS[grade] });
      const cures = cure === undefined ? [] : wrap(`cure: ${cure}`, room);
      for (const line of [...rest, ...cures]) io.out(indent + line);
    }
  }
  io.out(totals(findings));
}

/** How many findings there are of each grade. */
function totals(findings: readonly Finding[]): string {
  const { stop, warn, fine } = counted(findings);
  const verdict = stop > 0 ? "this run cannot start" : "this run can start";
  return `${verdict}: ${stop} to stop it, ${warn} to look at, ${fine} fine`;
}

/** The number of findings of each grade. */
export function counted(findings: readonly Finding[]): Record<Grade, number> {
  const of = (grade: Grade) => findings.filter((finding) => finding.grade === grade).length;
  return { stop: of("stop"), warn: of("warn"), fine: of("fine") };
}

/** The findings for programs, in one line. */
export function findingsJson(findings: readonly Finding[]): string {
  return JSON.stringify({ ...counted(findings), findings });
}
