/** File access: atomic writes, and errors in one line. */

import { basename, dirname } from "@std/path";
import { Failure, reasonOf, unlessFailed, UsageError } from "./errors.ts";

const ENCODER = new TextEncoder();

/** A file that is read in parts, so that its header can be checked before anything large is read. */
export interface ByteSource {
  /** The file's name, for messages. */
  readonly name: string;
  /** Number of bytes. */
  readonly size: number;
  /**
   * The bytes from `begin` up to, not including, `end`; both must lie within the file.
   *
   * @param into Memory that they may be in, so that reading often makes no garbage.
   */
  read(begin: number, end: number, into?: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
}

/** Bytes in memory; parts are views without a copy. */
export function ofBytes(bytes: Uint8Array<ArrayBuffer>, name: string): ByteSource {
  return { name, size: bytes.length, read: (begin, end) => bytes.subarray(begin, end) };
}

/** Memory that holds these bytes alone: their own if it does, else a copy. */
export function ownBuffer(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  return bytes.length === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
}

/** The bytes of numbers. */
export function byteView<B extends ArrayBufferLike>(
  { buffer, byteOffset, byteLength }: ArrayBufferView<B>,
): Uint8Array<B> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Bytes that are read together, a multiple of any number's size. */
const CHUNK = 1 << 22;

/** The bytes from `begin` up to `end`, some at a time, each valid until the next. */
export function* chunksOf(
  file: ByteSource,
  begin = 0,
  end = file.size,
): Generator<Uint8Array<ArrayBuffer>> {
  const memory = new Uint8Array(Math.min(CHUNK, Math.max(0, end - begin)));
  for (let at = begin; at < end; at += CHUNK) {
    yield file.read(at, Math.min(end, at + CHUNK), memory);
  }
}

/** Ends the name of a file that is being written; nobody else gives a file such a name. */
const UNFINISHED = ".nce-unfinished.tmp";

/**
 * A file that is written in pieces and appears at once. It has a temporary name in the same folder, is
 * synced, then renamed, so that a crash leaves the old file or the new one. Missing folders are made.
 *
 * The temporary name is always the same, so the next process replaces what a killed one left. Therefore
 * only one process at a time may write a file: see `lockModel`. Every method throws a
 * {@linkcode Failure} if the file cannot be written.
 */
export class AtomicFile implements Disposable {
  /** The file's name. */
  readonly path: string;
  readonly #temporary: string;
  readonly #file: Deno.FsFile;
  /** Small pieces, to be written together. */
  readonly #waiting = new Uint8Array(1 << 16);
  #waits = 0;
  #renamed = false;

  /** Opens the temporary file. */
  constructor(path: string) {
    this.path = path;
    this.#temporary = path + UNFINISHED;
    this.#file = attempt("write", path, () => {
      makeFolder(dirname(path));
      const info = infoOf(path);
      if (info?.isDirectory || path.endsWith("/")) throw new Error("it is a folder");
      if (info && !info.isFile) throw new Error("it is a device or a pipe, no file");
      return Deno.openSync(this.#temporary, { write: true, create: true, truncate: true });
    });
  }

  /** Appends bytes. */
  write(bytes: Uint8Array): void {
    if (this.#waits + bytes.length > this.#waiting.length) this.#flush();
    if (bytes.length > this.#waiting.length) return this.#writeAll(bytes);
    this.#waiting.set(bytes, this.#waits);
    this.#waits += bytes.length;
  }

  #flush(): void {
    this.#writeAll(this.#waiting.subarray(0, this.#waits));
    this.#waits = 0;
  }

  #writeAll(bytes: Uint8Array): void {
    attempt("write", this.path, () => {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    });
  }

  /** Gives the file its final name; no more can be written. */
  commit(): void {
    this.#flush();
    attempt("write", this.path, () => {
      this.#file.syncSync();
      this.#file.close();
      Deno.renameSync(this.#temporary, this.path);
      this.#renamed = true;
      syncFolder(dirname(this.path));
    });
  }

  /** Removes the temporary file, unless it was committed: one that is there then is another writer's. */
  [Symbol.dispose](): void {
    if (this.#renamed) return;
    try {
      this.#file.close();
    } catch {
      // It is already closed if only the renaming failed.
    }
    removeIfThere(this.#temporary);
  }
}

/**
 * Writes a text as an {@linkcode AtomicFile}; in parts it may be longer than a string can be.
 *
 * @throws {Failure} If the file cannot be written; nothing is left behind.
 */
export function writeFileAtomically(path: string, text: string | Iterable<string>): void {
  using file = new AtomicFile(path);
  for (const part of typeof text === "string" ? [text] : text) file.write(ENCODER.encode(part));
  file.commit();
}

/**
 * Checks early that an {@linkcode AtomicFile} can be written at `path`. Nothing is left behind.
 *
 * @throws {Failure} If it cannot.
 */
export function checkWritable(path: string): void {
  leavingNoFolder(path, () => {
    using _file = new AtomicFile(path);
    attempt("write", path, () => syncFolder(dirname(path)));
  });
}

/** Runs `action`, and removes the folders of `path` that were not there before and are empty after it. */
export function leavingNoFolder(path: string, action: () => void): void {
  const missing: string[] = [];
  for (let at = dirname(path); !isFolder(at) && at !== dirname(at); at = dirname(at)) {
    missing.push(at);
  }
  try {
    action();
  } finally {
    missing.filter(isFolder).forEach(removeIfThere);
  }
}

/**
 * Opens a file to be read in parts. Messages use `verb`: `Cannot VERB PATH: ...`.
 *
 * @throws {Failure} If it is missing, cannot be read, or is not a regular file (others may have no end).
 *   Reading a part throws one if it fails or the file has become shorter.
 */
export function openBytes(path: string, verb = "read"): ByteSource & Disposable {
  const file = attempt(verb, path, () => {
    const { isFile, isDirectory } = Deno.statSync(path);
    if (!isFile) {
      throw new Error(`it is ${isDirectory ? "a folder" : "something else"}, not a file`);
    }
    return Deno.openSync(path);
  });
  return {
    name: path,
    size: attempt(verb, path, () => file.statSync().size),
    read: (begin, end, into = new Uint8Array(end - begin)) =>
      attempt(verb, path, () => {
        const bytes = into.subarray(0, end - begin);
        file.seekSync(begin, Deno.SeekMode.Start);
        for (let at = 0; at < bytes.length;) {
          const size = file.readSync(bytes.subarray(at));
          if (size === null) throw new Error("it became shorter while it was read");
          at += size;
        }
        return bytes;
      }),
    [Symbol.dispose]: () => file.close(),
  };
}

/** {@linkcode openBytes} of a file that is to be loaded, and may be missing: then undefined. */
export function openIfThere(path: string): (ByteSource & Disposable) | undefined {
  try {
    return openBytes(path, "load");
  } catch (error) {
    if (error instanceof Failure && error.cause instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Checks that a file exists, before any work starts.
 *
 * @throws {UsageError} If `path` does not exist or is a folder.
 */
export function checkFile(path: string): void {
  const info = infoOf(path);
  if (info === undefined) throw new UsageError(`Cannot read ${path}: there is no such file`);
  if (info.isDirectory) throw new UsageError(`Cannot read ${path}: it is a folder, not a file`);
}

/** What is at a path; undefined if nothing is. Throws a Failure, with the `name`, if that cannot be told. */
export function infoOf(path: string, name = path): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw new Failure(`Cannot read ${name}: ${reasonOf(cause)}`, { cause });
  }
}

/** {@linkcode checkFile} with another message: `There is no WHAT PATH: cure`. */
export function expectFile(path: string, what: string, cure: () => string): void {
  if (infoOf(path)?.isDirectory ?? true) {
    throw new UsageError(`There is no ${what} ${path}: ${cure()}`);
  }
}

/** Makes a folder and those above it, unless they are there; its error names what is in the way. */
export function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (cause) {
    for (let at = path; at !== dirname(at); at = dirname(at)) {
      const isThere = !isFolder(at) && namesIn(dirname(at)).includes(basename(at));
      if (isThere) throw new Error(`${at} is no folder, nor a link to one`, { cause });
    }
    throw cause;
  }
}

/** Syncs the folder, which makes a rename durable. */
function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return; // it cannot open folders; its journal makes renames durable
  using folder = Deno.openSync(path, { read: true });
  try {
    folder.syncSync();
  } catch (error) {
    // Some file systems, including network ones, cannot sync folders.
    if (!(error instanceof Error && "code" in error && error.code === "EINVAL")) throw error;
  }
}

/** Whether the file exists. */
export function isFile(path: string): boolean {
  return unlessFailed(() => infoOf(path))?.isFile ?? false;
}

/** Whether the folder exists. */
export function isFolder(path: string): boolean {
  return unlessFailed(() => infoOf(path))?.isDirectory ?? false;
}

/** Names in a folder, in order; none if it cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

/** Removes a file or an empty folder; does nothing if it cannot. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // An error that led here is the one to report.
  }
}

/** Runs an operation on `path`; turns an error into a Failure: `Cannot VERB PATH: reason`. */
export function attempt<T>(verb: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new Failure(`Cannot ${verb} ${path}: ${reasonOf(cause)}`, { cause });
  }
}
