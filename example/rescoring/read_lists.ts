/** Reads n-best lists and references from files of any format, and writes lists in the same format. */

import { inputName, readInput } from "../data/input.ts";
import { splitWords, withoutMarks } from "../data/words.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import { isFolder as isFolderAt, writeFileAtomically } from "../shared/files.ts";
import { checkOutput, textKind } from "../shared/output.ts";
import { isJsonList, jsonLine, readJsonLists } from "./json_lists.ts";
import {
  isKaldiArchive,
  isKaldiText,
  KALDI_FILES,
  kaldiTexts,
  readKaldiLists,
  WORDS_FILE,
} from "./kaldi_lists.ts";
import type { NBestFormat } from "../options/choices.ts";
import type { NBestList } from "./nbest.ts";
import { isSrilmList, readSrilmList, srilmText } from "./srilm_lists.ts";

/** How lists are stored. */
export interface ListForm {
  readonly format: NBestFormat;
  /** Whether they are in a folder. */
  readonly isFolder: boolean;
}

/** Lists and the form that they were stored in. */
export interface ReadLists extends ListForm {
  readonly lists: readonly NBestList[];
}

/**
 * Reads lists: JSON lines, an SRILM file, a folder of these, or a folder of Kaldi's archives.
 *
 * @param path The file or the folder; `-` for standard input, with JSON lines or an SRILM file.
 * @param given The format; by default it is detected.
 * @throws {UsageError} If there is no such file.
 * @throws {Failure} If it cannot be read, is of another format, or has no lists.
 */
export async function readLists(path: string, given?: NBestFormat | null): Promise<ReadLists> {
  const inFolder = path !== "-" && isFolderAt(path), name = inputName(path);
  const format = given ?? (inFolder ? formatOfFolder(path) : await formatOfFile(path));
  if (inFolder && format === "json" || !inFolder && format === "kaldi") {
    throw new UsageError(
      `Cannot read ${name}: lists of --format ${format} are in a ${inFolder ? "file" : "folder"}`,
    );
  }
  const lists = format === "json"
    ? await readJsonLists(path)
    : format === "kaldi"
    ? await readKaldiLists(path)
    : await readSrilmLists(path, inFolder);
  const empty = lists.find(({ hypotheses }) => hypotheses.length === 0);
  if (lists.length === 0 || empty !== undefined) {
    const where = inFolder && empty !== undefined ? `${path}/${empty.id}` : name;
    throw new Failure(`Cannot read ${where}: it is empty, and a list has at least one hypothesis`);
  }
  const ids = new Set<string>();
  for (const { id } of lists) {
    if (ids.has(id)) throw new Failure(`Cannot read ${name}: the utterance ${id} is there twice`);
    ids.add(id);
  }
  return { format, isFolder: inFolder, lists };
}

function formatOfFolder(path: string): NBestFormat {
  const names = [...Deno.readDirSync(path)].map(({ name }) => name);
  return names.includes(WORDS_FILE) ? "kaldi" : "srilm";
}

/** Detects the format by the first character, since standard input cannot be read twice. */
async function formatOfFile(path: string): Promise<NBestFormat> {
  if (path === "-") {
    throw new UsageError("Cannot tell the format of lists on standard input: give --format");
  }
  if (isKaldiArchive(path)) {
    throw new UsageError(`Cannot read ${path}: Kaldi's archives lie together; give their folder`);
  }
  for await (const [first] of readInput(path)) return /^\s*\{/.test(first) ? "json" : "srilm";
  return "json";
}

async function readSrilmLists(path: string, isFolder: boolean): Promise<NBestList[]> {
  if (!isFolder) return [await readSrilmList(path, idOf(path))];
  return await Array.fromAsync(
    filesIn(path),
    (name) => readSrilmList(`${path}/${name}`, idOf(name)),
  );
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) => name)
    .sort();
}

/** The utterance of a file: its name without extensions. */
function idOf(path: string): string {
  return path.replace(/^.*[\\/]/, "").replace(/\.(gz|zst)$/, "").replace(/\.(nbest|txt)$/, "");
}

/**
 * Reads references, one utterance per line: `id word word ...`, or `word word ... (id)` as in sclite.
 *
 * @param ids The utterances of the lists, so that `u1 yes (laughs)` is known for the first form.
 * @throws {UsageError} If there is no such file.
 * @throws {Failure} If it cannot be read, or has an utterance twice.
 */
export async function readReferences(
  path: string,
  ids: ReadonlySet<string>,
): Promise<Map<string, readonly string[]>> {
  const references = new Map<string, readonly string[]>();
  for await (const [line, fail] of readInput(path)) {
    const [first, ...rest] = splitWords(line);
    if (first === undefined) continue; // an empty line
    const [, before = "", last] = /^(.*)\(([^()\s]+)\)\s*$/.exec(line) ?? [];
    const isLast = last !== undefined && (ids.has(last) || !ids.has(first));
    const [id, words] = isLast ? [last, splitWords(before)] : [first, rest];
    if (references.has(id)) return fail(`has the utterance ${id} for the second time`);
    references.set(id, withoutMarks(words));
  }
  return references;
}

/** Whether a file of each format begins so. */
const BEGINS = { json: isJsonList, srilm: isSrilmList, kaldi: isKaldiText };

/**
 * Checks that {@linkcode writeLists} may write to `path`, where it replaces lists of this format alone.
 *
 * @param ids The utterances.
 * @param inputs The paths that are read.
 * @returns The first file that it writes.
 * @throws {UsageError} If it would replace another file, or what is read, has the name of a packed one, or is a folder
 *   of other lists, too.
 */
export function checkListOutput(
  path: string,
  { format, isFolder }: ListForm,
  ids: readonly string[],
  inputs: readonly string[] = [],
): string {
  const [packed] = /\.(gz|zst)$/.exec(path) ?? [];
  if (packed !== undefined) {
    throw new UsageError(`Cannot write ${path}: lists are written unpacked; leave out ${packed}`);
  }
  const names = format === "kaldi" ? KALDI_FILES : ids;
  const files = isFolder ? names.map((name) => `${path}/${name}`) : [path];
  const kind = textKind(`n-best list of --format ${format}`, BEGINS[format]);
  checkOutput([path, ...files], kind, inputs);
  // Every file of such a folder is a list: others would be read with these.
  const mayMix = isFolder && format === "srilm" && isFolderAt(path), own = new Set(ids);
  const other = mayMix && filesIn(path).find((name) => !own.has(name));
  if (other) {
    throw new UsageError(`Cannot write to ${path}, which has ${other}, too: give another --out`);
  }
  return files[0]!;
}

/**
 * Writes lists in their original form: to a file, or to a folder, which is made if missing.
 *
 * @throws {Failure} If they cannot be written.
 */
export function writeLists(
  path: string,
  { format, isFolder, lists }: ReadLists,
): void {
  if (format === "json") {
    return writeFileAtomically(path, lists.map((list) => `${jsonLine(list)}\n`).join(""));
  }
  if (format === "srilm" && !isFolder) return writeFileAtomically(path, srilmText(lists[0]!));
  const texts = format === "kaldi"
    ? kaldiTexts(lists)
    : Object.fromEntries(lists.map((list) => [list.id, srilmText(list)]));
  for (const [name, text] of Object.entries(texts)) writeFileAtomically(`${path}/${name}`, text);
}
