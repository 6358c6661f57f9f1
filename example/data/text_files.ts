/** The files that a part of a text is in, and their words. */

import { basename } from "@std/path";
import { Failure, UsageError } from "../shared/errors.ts";
import { attempt, checkFile } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { formatCount } from "../shared/format.ts";
import { Bar } from "../shared/progress.ts";
import { nearestName } from "../shared/search.ts";
import { openChunks } from "./input.ts";
import { LineWords } from "./line_words.ts";
import { LineSplitter } from "./lines.ts";

/** Observers of reading. */
export interface ReadingWatch {
  /** Receives remarks for the user, one line each. */
  readonly notes: string[];
  /** Shows the progress of reading. */
  readonly io?: Io | undefined;
}

/**
 * The files of a part such as `train`: `train.txt` if it is there, and `notes` then names the files that are not
 * read; else `train.txt.gz` or `train.txt.zst`, or all of `train-*.txt`, packed or not, in the order of their names.
 *
 * @throws {UsageError} If there is none, or if two files are the same part.
 */
export function filesOf(folder: string, part: string, notes: string[] = []): readonly string[] {
  const path = (name: string) => `${folder.replace(/\/+$/, "") || "/"}/${name}`;
  const plain = `${part}.txt`;
  const all = attempt("read", folder, () => [...Deno.readDirSync(folder)]).map(({ name }) => name)
    .sort();
  const names = namesOfPart(part, all);
  if (names.length === 0) {
    throw new UsageError(
      `Cannot read ${path(plain)}: there is no such file; ${cureOfMissing(part, all)}`,
    );
  }
  if (names.includes(plain)) {
    const others = names.filter((name) => name !== plain);
    if (others.length > 0) notes.push(`${plain} is read, and not ${others.join(", ")} beside it`);
    names.splice(0, Infinity, plain);
  }
  const spellings = [...Map.groupBy(names, unpacked).values()];
  const whole = spellings.find(([name = ""]) => unpacked(name) === plain);
  if (whole) spellings.push([...whole, ...names.filter((name) => !whole.includes(name))]);
  const [one, other] = spellings.find(({ length }) => length > 1) ?? [];
  if (one !== undefined) {
    throw new UsageError(
      `Cannot tell what to read as ${path(unpacked(one))}: there are ${one} and ${other}; ` +
        "keep one of them in the folder",
    );
  }
  const files = names.map(path);
  files.forEach(checkFile);
  return files;
}

/** The names among these that files of a part have. */
export function namesOfPart(part: string, names: readonly string[]): string[] {
  return names.filter((name) =>
    unpacked(name) === `${part}.txt` ||
    name.startsWith(`${part}-`) && unpacked(name).endsWith(".txt")
  );
}

function unpacked(name: string): string {
  return name.replace(/\.(gz|zst)$/, "");
}

/** Advice for a part that is missing from its folder: another file there may be meant. */
function cureOfMissing(part: string, names: readonly string[]): string {
  const own = part === "valid" ? "valid|val|dev" : part;
  const near = names.find((name) => new RegExp(`(^|[^a-z])(${own})`, "i").test(name)) ??
    nearestName(`${part}.txt`, names.filter((name) => !/^(train|valid|test)\b/.test(name)));
  return near === undefined
    ? "a text is train.txt, valid.txt and test.txt, a sentence a line"
    : `name ${near} so, if that is it`;
}

/** How the files of a part are called in messages. */
export function nameOf([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : first.replace(/-[^/]*?\.txt/, "-*.txt");
}

/**
 * Reads files line by line: `add` receives the words of each line, valid until it returns.
 *
 * @throws {Failure} If a file cannot be read or unpacked, or has a line that is not UTF-8 or too long.
 */
export async function readWords(
  files: readonly string[],
  { notes, io }: ReadingWatch,
  add: (words: LineWords) => void,
): Promise<void> {
  const name = basename(nameOf(files)), words = new LineWords();
  using bar = io && new Bar(io, `reading ${name}`, sizeOnDisk(files));
  let marked = 0;
  for (const file of files) {
    const splitter = new LineSplitter();
    let number = 0;
    const addLine = (bytes: Uint8Array, start: number, end: number) => {
      words.split(bytes, start, end, ++number, file);
      if (words.isMarked) marked++;
      add(words);
    };
    for await (const chunk of openChunks(file, (bytes) => bar?.step(bytes))) {
      splitter.split(chunk, addLine);
      if (splitter.isTooLong) break; // splitting reports it
    }
    splitter.end(addLine);
  }
  if (marked === 0) return;
  const lines = marked === 1
    ? "1 line carries <s> or </s> at its ends"
    : `${formatCount(marked)} lines carry <s> or </s> at their ends`;
  notes.push(`${name}: ${lines}; they are taken as the marks of the sentence`);
}

/** Bytes of the files on disk. */
export function sizeOnDisk(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + Deno.statSync(file).size, 0);
}

/** The Failure of a part without words. */
export function withoutWords(files: readonly string[]): Failure {
  return new Failure(`Cannot use ${nameOf(files)}: it has no words; write a sentence a line`);
}
