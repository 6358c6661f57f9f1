/** Findings: what the doctor says of a run, each with a grade, a figure and a cure. */

import { Failure, UsageError } from "../shared/errors.ts";

/** What a finding is about, in the order of the printed list. */
export const SUBJECTS = [
  "data",
  "settings",
  "noise",
  "machine",
  "ranks",
  "memory",
  "time",
] as const;

/** `stop`: a run refuses it; `warn`: a run goes on, perhaps not as meant; `fine`. */
export type Grade = "stop" | "warn" | "fine";

/** One fact about a run that is still to come. */
export interface Finding {
  readonly subject: typeof SUBJECTS[number];
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

/** A finding without its grade, which depends on whether there is a cure. */
export interface Fact extends Omit<Finding, "grade" | "cure"> {
  /** The cure of what is odd. */
  readonly cure?: string | undefined;
}

/** A finding that warns if it has a cure. */
export function graded({ cure, ...fact }: Fact): Finding {
  return cure === undefined ? { ...fact, grade: "fine" } : { ...fact, grade: "warn", cure };
}

/** Whatever a part of a run returned, or the finding that a run would refuse it. */
export type Outcome<T> = { readonly value: T } | { readonly stop: Finding };

/** Tries a part of a run. Its own errors, in one line with the cure, become a finding; others are thrown. */
export async function attempted<T>(
  about: Pick<Finding, "subject" | "name">,
  part: () => T | Promise<T>,
): Promise<Outcome<T>> {
  try {
    return { value: await part() };
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof Failure)) throw error;
    return { stop: { ...about, grade: "stop", ...parted(error.message) } };
  }
}

/** A run's warning line as a finding. */
export function warned(about: Pick<Finding, "subject" | "name">, line: string): Finding {
  return { ...about, grade: "warn", ...parted(line.replace(/^warning: /, "")) };
}

/** What a line of the program says is wrong, and the cure: after the last semicolon outside parentheses. */
function parted(line: string): Pick<Finding, "text" | "cure"> {
  const [, text, cure] = /^(.*); ((?:[^();]|\([^()]*\))*)$/.exec(line) ?? [];
  return text === undefined || cure === undefined ? { text: line } : { text, cure };
}
