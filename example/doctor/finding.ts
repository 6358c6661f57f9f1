/** Findings: what the doctor says of a run, each with a grade, a figure and a cure. */

import { Failure, UsageError } from "../shared/errors.ts";

/** What findings are about, in the order of the printed list. */
export const SUBJECTS = [
  "data",
  "settings",
  "noise",
  "machine",
  "ranks",
  "memory",
  "time",
] as const;

/** What a finding is about. */
export type Subject = typeof SUBJECTS[number];

/** `stop`: a run refuses it; `warn`: a run goes on, perhaps not as meant; `fine`. */
export type Grade = "stop" | "warn" | "fine";

/** One fact about a run that is still to come. */
export interface Finding {
  readonly subject: Subject;
  /** What was looked at, in a few words. */
  readonly name: string;
  readonly grade: Grade;
  /** What was found, with its figures. */
  readonly text: string;
  /** What to do about it. */
  readonly cure?: string;
  /** The figures for programs. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** What was found: it is odd if it has a cure. */
interface Fact extends Pick<Finding, "text" | "figures"> {
  readonly cure?: string | false | undefined;
}

/** A finding that warns if it has a cure. */
export function finding(subject: Subject, name: string, { cure, ...fact }: Fact): Finding {
  const found = { subject, name, ...fact };
  return cure ? { ...found, grade: "warn", cure } : { ...found, grade: "fine" };
}

/**
 * What a part of a run returns; undefined if the run would be refused there. Its own error, in one line with the
 * cure, is then one of `findings`; others are thrown.
 */
export async function attempted<T>(
  findings: Finding[],
  subject: Subject,
  name: string,
  part: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await part();
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof Failure)) throw error;
    findings.push({ subject, name, grade: "stop", ...parted(error.message) });
    return undefined;
  }
}

/** A run's warning line as a finding. */
export function warned(subject: Subject, name: string, line: string): Finding {
  return { subject, name, grade: "warn", ...parted(line.replace(/^warning: /, "")) };
}

/** What a line of the program says is wrong, and the cure: after the last semicolon outside parentheses. */
function parted(line: string): Pick<Finding, "text" | "cure"> {
  const [, text, cure] = /^(.*); ((?:[^();]|\([^()]*\))*)$/.exec(line) ?? [];
  return text === undefined || cure === undefined ? { text: line } : { text, cure };
}
