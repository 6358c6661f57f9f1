/** Files as the program needs them: whole or not at all when written, strict UTF-8 when read. */

import { Failure, UsageError } from "./errors.ts";

const CHUNK = 1 << 20;
const NEWLINE = 10;
const RETURN = 13;
/** The most bytes in a line: what one string and the list of its words can hold. */
const LONGEST_LINE = 1 << 27;
/** As the first two bytes of a file: the byte order marks of UTF-16. */
const UTF_16_MARKS = ["255,254", "254,255"];
/** The byte order mark of UTF-8. */
const UTF_8_MARK = "239,187,191";
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Writes a file in one piece: to a temporary file in the same folder, synced, then renamed, so that
 * a crash leaves the old file or the new one. Missing folders are made.
 *
 * @throws {Failure} If the file cannot be written; nothing is left behind.
 */
export function writeFileAtomically(path: string, data: string | Uint8Array): void {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  attempt("write", path, () => {
    makeFolder(path);
    const temporary = temporaryName(path);
    try {
      writeSynced(temporary, bytes);
      Deno.renameSync(temporary, path);
    } catch (error) {
      removeIfThere(temporary);
      throw error;
    }
  });
}

/**
 * Finds out early whether {@linkcode writeFileAtomically} will be able to write `path`.
 *
 * @throws {Failure} If it will not.
 */
export function checkWritable(path: string): void {
  attempt("write", path, () => {
    makeFolder(path);
    if (isFolder(path)) throw new Error("it is a folder");
    const temporary = temporaryName(path);
    writeSynced(temporary, new Uint8Array());
    Deno.removeSync(temporary);
  });
}

/**
 * Reads a file's bytes.
 *
 * @throws {Failure} If it is missing or cannot be read.
 */
export function readFile(path: string): Uint8Array<ArrayBuffer> {
  return attempt("read", path, () => Deno.readFileSync(path));
}

/**
 * Makes sure that a file is there, so that nothing is started in vain.
 *
 * @throws {UsageError} If `path` does not exist or is a folder.
 */
export function checkFile(path: string): void {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
      throw new Failure(`Cannot read ${path}: ${reason(error)}`, { cause: error });
    }
    throw new UsageError(`Cannot read ${path}: there is no such file`, { cause: error });
  }
  if (info.isDirectory) throw new UsageError(`Cannot read ${path}: it is a folder, not a file`);
}

/**
 * Reads a text file line by line, without ever holding the whole of it.
 *
 * Lines end as in Python's text files: with a newline, a carriage return, or both; an ending at the
 * end of the file does not begin another line. A byte order mark at the start is dropped.
 *
 * @throws {UsageError} If the file does not exist.
 * @throws {Failure} If it cannot be read, or a line is not UTF-8 or too long; the message has the
 *   line's number.
 */
export function* readLines(path: string): Generator<string> {
  checkFile(path);
  let number = 0;
  for (const bytes of readByteLines(path)) {
    number++;
    yield decodeLine(bytes, number, path);
  }
}

function decodeLine(bytes: Uint8Array, number: number, path: string): string {
  const fail = (why: string, options?: ErrorOptions): never => {
    throw new Failure(`Cannot read ${path}: line ${number} ${why}`, options);
  };
  const looksUtf16 = bytes.includes(0) ||
    number === 1 && UTF_16_MARKS.includes(bytes.subarray(0, 2).join());
  if (looksUtf16) fail("looks like UTF-16; convert the file to UTF-8");
  if (bytes.length > LONGEST_LINE) {
    fail(`has over ${LONGEST_LINE >> 20} MiB; write a sentence a line`);
  }
  try {
    return DECODER.decode(bytes);
  } catch (cause) {
    return fail("is not UTF-8; convert the file", { cause });
  }
}

/** The lines as bytes; a line is good until the next one is asked for. */
function* readByteLines(path: string): Generator<Uint8Array> {
  using file = attempt("read", path, () => Deno.openSync(path));
  const chunk = new Uint8Array(CHUNK);
  let pieces: Uint8Array[] = [], afterReturn = false, isFirst = true;
  for (;;) {
    const size = attempt("read", path, () => file.readSync(chunk));
    if (size === null) break;
    let start = isFirst && chunk.subarray(0, 3).join() === UTF_8_MARK ? 3 : 0;
    isFirst = false;
    for (let at = start; at < size; at++) {
      const byte = chunk[at], endsBoth = afterReturn && byte === NEWLINE;
      afterReturn = byte === RETURN;
      if (byte !== NEWLINE && byte !== RETURN) continue;
      if (!endsBoth) {
        const tail = chunk.subarray(start, at);
        yield pieces.length === 0 ? tail : join([...pieces, tail]);
        pieces = [];
      }
      start = at + 1;
    }
    if (start < size) pieces.push(chunk.slice(start, size));
    if (sizeOf(pieces) > LONGEST_LINE) break; // the reader refuses it
  }
  if (pieces.length > 0) yield join(pieces);
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(sizeOf(pieces));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function writeSynced(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.syncSync();
}

function makeFolder(path: string): void {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  if (end > 0) Deno.mkdirSync(path.slice(0, end), { recursive: true });
}

/** In the same folder, since a rename is atomic only within one file system. */
function temporaryName(path: string): string {
  return `${path}.${Deno.pid}.tmp`;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The error that led here is the one to report.
  }
}

function attempt<T>(verb: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new Failure(`Cannot ${verb} ${path}: ${reason(cause)}`, { cause });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
