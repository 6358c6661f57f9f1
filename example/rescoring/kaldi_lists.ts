/**
 * N-best lists as Kaldi's scripts write them, a folder of text archives: `words_text` (lines of a key and
 * words), `acwt` (acoustic costs), `lmwt.lmonly` (the language model's costs) and, where there is one,
 * `lmwt.nolm` (the other costs of the graph). A key is the utterance's, a hyphen and a number. Costs are
 * negative natural logarithms.
 */

import { readInput } from "../data/input.ts";
import { splitWords, withoutMarks } from "../data/words.ts";
import { Failure } from "../shared/errors.ts";
import { isFile } from "../shared/files.ts";
import type { Hypothesis, NBestList } from "./nbest.ts";

/** Archives of costs, and the scores that they hold. */
const COSTS = { acwt: "acoustic", "lmwt.lmonly": "lm", "lmwt.nolm": "graph" } as const;
/** The key of a hypothesis: its utterance and its number. */
const KEY = /^(.+)-\d+$/;
/** The archive of words, which identifies a folder. */
export const WORDS_FILE = "words_text";

/** The archives of a folder. */
export const KALDI_FILES: readonly string[] = [WORDS_FILE, ...Object.keys(COSTS)];

/** Whether the file, by its name, is one of a folder's archives. */
export function isKaldiArchive(path: string): boolean {
  return KALDI_FILES.includes(path.replace(/^.*[\\/]/, ""));
}

/** Whether an archive begins so: with a key. */
export function isKaldiText(text: string): boolean {
  return KEY.test(splitWords(text.split("\n", 1)[0]!)[0] ?? "");
}

/** Reads a folder; throws a Failure that names the archive and the key or the line. */
export async function readKaldiLists(folder: string): Promise<NBestList[]> {
  const words = await readArchive(`${folder}/${WORDS_FILE}`);
  const costs = await Promise.all(
    Object.entries(COSTS).map(async ([file, name]) => {
      const path = `${folder}/${file}`, isThere = name !== "graph" || isFile(path);
      return { path, name, archive: isThere ? await readArchive(path) : undefined };
    }),
  );
  const lists = new Map<string, Hypothesis[]>();
  for (const [key, spelled] of words) {
    const [, id] = KEY.exec(key) ?? [];
    if (id === undefined) {
      throw new Failure(
        `Cannot read ${folder}/${WORDS_FILE}: the key ${key} does not end in - and a number`,
      );
    }
    const scores = costs.flatMap(({ path, name, archive }) =>
      archive === undefined ? [] : [[name, scoreOf(path, archive, key)]]
    );
    const hypothesis = { words: withoutMarks(spelled), ...Object.fromEntries(scores) };
    lists.set(id, [...lists.get(id) ?? [], hypothesis]);
  }
  return Array.from(lists, ([id, hypotheses]) => ({ id, hypotheses }));
}

function scoreOf(path: string, archive: ReadonlyMap<string, string[]>, key: string): number {
  const [cost, ...more] = archive.get(key) ?? [];
  if (cost === undefined) throw new Failure(`Cannot read ${path}: it has no ${key}`);
  const score = -Number(cost);
  if (Number.isFinite(score) && more.length === 0) return score;
  throw new Failure(`Cannot read ${path}: the cost of ${key} is no number`);
}

/** Keys and the words that follow them. */
async function readArchive(path: string): Promise<Map<string, string[]>> {
  const archive = new Map<string, string[]>();
  for await (const [line, fail] of readInput(path)) {
    const [key, ...words] = splitWords(line);
    if (key === undefined) return fail("has no key");
    if (archive.has(key)) fail(`has the key ${key} for the second time`);
    archive.set(key, words);
  }
  return archive;
}

/** The archives of lists: contents by file name. */
export function kaldiTexts(lists: readonly NBestList[]): Record<string, string> {
  const keyed = lists.flatMap(({ id, hypotheses }) =>
    hypotheses.map((hypothesis, i) => ({ key: `${id}-${i + 1}`, ...hypothesis }))
  );
  const archive = (value: (hypothesis: Hypothesis) => string) =>
    keyed.map(({ key, ...hypothesis }) => `${key} ${value(hypothesis)}\n`).join("");
  const hasGraph = keyed.some(({ graph }) => graph !== undefined);
  const costs = Object.entries(COSTS).filter(([, name]) => name !== "graph" || hasGraph)
    .map(([file, name]) => [file, archive((hypothesis) => String(-(hypothesis[name] ?? 0)))]);
  return {
    [WORDS_FILE]: archive(({ words }) => words.join(" ")),
    ...Object.fromEntries(costs),
  };
}
