/** Reads training text: large ones are written down as numbers of words, to be read faster the next time. */

import { createHash } from "node:crypto";
import { concat } from "@std/bytes";
import { basename, extname } from "@std/path";
import { MODEL_FOLDER } from "../options/settings.ts";
import { AtomicFile, attempt, chunksOf, isFile, ofBytes, openBytes } from "../shared/files.ts";
import { labelled } from "../shared/format.ts";
import { lockFile } from "../shared/lock.ts";
import { Bar } from "../shared/progress.ts";
import { IdWriter, type NumberedText, openIds } from "./id_file.ts";
import { upTo } from "./shuffle.ts";
import { nameOf, type ReadingWatch, readWords, sizeOnDisk, withoutWords } from "./text_files.ts";

/** Sizes that tests change. */
export interface TextSizes {
  /** Bytes of text from which its numbers are kept in a file. */
  readonly kept: number;
  /** Number of words and marks from which a block is complete. */
  readonly block: number;
}

const SIZES: TextSizes = { kept: 1 << 25, block: 1 << 20 };
/** Most characters of a folder's name in that of a file. */
const MAX_NAME = 60;

/**
 * The words of a part's files as numbers, in memory or in a file below `saved_model`. The file is written
 * again if the text has changed or it is damaged. While another process writes it, this one waits.
 *
 * @throws {Failure} If the text has no words, or something cannot be read or written.
 */
export async function readText(
  folder: string,
  files: readonly string[],
  watch: ReadingWatch,
  sizes: TextSizes = SIZES,
): Promise<NumberedText & Disposable> {
  if (sizeOnDisk(files) < sizes.kept) {
    const parts: Uint8Array[] = [];
    const writer = new IdWriter((bytes) => parts.push(bytes.slice()), sizes.block);
    const text = await write(writer, files, "", watch);
    return { ...text, file: ofBytes(concat(parts), nameOf(files)), [Symbol.dispose]: () => {} };
  }
  const path = pathOf(folder), { io } = watch;
  using _lock = lockFile(`${path}.lock`, (holder) => {
    io?.out(labelled("waits", `until another run${holder} has read ${nameOf(files)}`));
  });
  const source = fileHash(files, watch), opened = open(path, source, watch);
  if (opened !== undefined) {
    watch.notes.push(...opened.info.notes);
    return opened;
  }
  using written = new AtomicFile(path);
  const writer = new IdWriter((bytes) => written.write(bytes), sizes.block);
  const text = await write(writer, files, source, watch);
  writer.writeInfo(text.info);
  written.commit();
  const file = openBytes(path);
  return { ...text, file, [Symbol.dispose]: () => file[Symbol.dispose]() };
}

/** Reads the files and writes their words as numbers; gives what is known of them. */
async function write(
  writer: IdWriter,
  files: readonly string[],
  source: string,
  { notes, io }: ReadingWatch,
): Promise<Omit<NumberedText, "file">> {
  const own: string[] = [];
  await readWords(files, { notes: own, io }, (words) => writer.add(words));
  const text = writer.end(source, own), { table } = text.counts;
  if (table.size === 0) throw withoutWords(files);
  notes.push(...own);
  return { ...text, words: upTo(table.size) };
}

/** Opens what was written; undefined if it is not this text's, or damaged. */
function open(
  path: string,
  source: string,
  { io }: ReadingWatch,
): (NumberedText & Disposable) | undefined {
  if (!isFile(path)) return undefined;
  using held = new DisposableStack();
  const file = held.use(openBytes(path));
  using bar = io && new Bar(io, `reading ${basename(path)}`, file.size);
  const ids = openIds(file, (bytes) => bar?.step(bytes));
  if (ids?.info.source !== source) return undefined;
  const kept = held.move();
  return { ...ids, [Symbol.dispose]: () => kept.dispose() };
}

/** The file for the text in a folder: another text there takes its place. */
function pathOf(folder: string): string {
  const real = attempt("read", folder, () => Deno.realPathSync(folder));
  const hash = createHash("sha256").update(real).digest("hex").slice(0, 8);
  return `${MODEL_FOLDER}/text/${basename(real).slice(0, MAX_NAME)}-${hash}.ids`;
}

/** SHA-256 of the files' endings, sizes and bytes. */
function fileHash(files: readonly string[], { io }: ReadingWatch): string {
  using bar = io && new Bar(io, `checking ${basename(nameOf(files))}`, sizeOnDisk(files));
  const hash = createHash("sha256");
  for (const path of files) {
    using file = openBytes(path);
    hash.update(`${extname(path)} ${file.size}\n`);
    for (const bytes of chunksOf(file)) {
      hash.update(bytes);
      bar?.step(bytes.length);
    }
  }
  return hash.digest("hex");
}
