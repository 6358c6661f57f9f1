/**
 * N-best lists as JSON lines, one utterance per line:
 * `{"id": "u1", "reference": "what was said", "hypotheses": [{"text": "...", "acoustic": -1, "lm": -2}]}`.
 *
 * Scores are natural logarithms; `reference`, `lm`, `graph` and `truth` may be missing.
 */

import { readInput } from "../data/input.ts";
import { splitWords, withoutMarks } from "../data/words.ts";
import type { Fail } from "../shared/errors.ts";
import { isRecord, parsedJson } from "../shared/json.ts";
import type { Hypothesis, NBestList } from "./nbest.ts";

const SCORES = ["acoustic", "lm", "graph", "truth"] as const;

/** Whether a file of lists begins so. */
export function isJsonList(text: string): boolean {
  return /^\s*\{.*"hypotheses"/.test(text);
}

/** Reads a file; throws a Failure that names the line. */
export function readJsonLists(path: string | undefined): Promise<NBestList[]> {
  return Array.fromAsync(readInput(path), ([line, fail]) => readList(parse(line, fail), fail));
}

function parse(line: string, fail: Fail): Record<string, unknown> {
  const value = parsedJson(line);
  if (value === undefined) return fail("is not JSON; write an object a line");
  return isRecord(value) ? value : fail("is not a JSON object");
}

function readList(object: Record<string, unknown>, fail: Fail): NBestList {
  const { id, reference, hypotheses } = object;
  if (typeof id !== "string" || id === "") return fail('has no text "id"');
  if (reference !== undefined && typeof reference !== "string") {
    return fail('has a "reference" that is no text');
  }
  if (!Array.isArray(hypotheses) || hypotheses.length === 0) {
    return fail('has no list "hypotheses", or an empty one');
  }
  return {
    id,
    ...(reference !== undefined && { reference: wordsOf(reference) }),
    hypotheses: hypotheses.map((hypothesis, i) =>
      readHypothesis(hypothesis, (why) => fail(`has a hypothesis ${i + 1} ${why}`))
    ),
  };
}

function readHypothesis(value: unknown, fail: Fail): Hypothesis {
  if (!isRecord(value)) return fail("that is no JSON object");
  const { text } = value;
  if (typeof text !== "string") return fail('without a text "text"');
  const scores: Partial<Record<typeof SCORES[number], number>> = {};
  for (const name of SCORES) {
    const score = value[name];
    if (score === undefined) continue;
    if (typeof score !== "number" || !Number.isFinite(score)) {
      return fail(`whose "${name}" is no finite number`);
    }
    scores[name] = score;
  }
  const { acoustic = fail('without "acoustic"') } = scores;
  return { ...scores, words: wordsOf(text), acoustic };
}

function wordsOf(text: string): readonly string[] {
  return withoutMarks(splitWords(text));
}

/** A list as a line. */
export function jsonLine({ id, reference, hypotheses }: NBestList): string {
  return JSON.stringify({
    id,
    ...(reference && { reference: reference.join(" ") }),
    hypotheses: hypotheses.map(({ words, ...scores }) => ({ text: words.join(" "), ...scores })),
  });
}
