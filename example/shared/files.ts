/** Files as the program needs them: whole or not at all when written, errors in one line. */

import { dirname } from "@std/path";
import { Failure, reasonOf, UsageError } from "./errors.ts";

/** A file's bytes, read in parts: a header can be checked before anything large is read. */
export interface ByteSource {
  /** Number of bytes. */
  readonly size: number;
  /** The bytes from `begin` to before `end`, which lie within the file. */
  read(begin: number, end: number): Uint8Array<ArrayBuffer>;
}

/**
 * A file that is written piece by piece and appears in one: under a temporary name in the same folder,
 * synced, then renamed, so that a crash leaves the old file or the new one. Missing folders are made.
 *
 * There is one temporary name for each file, `PATH.tmp`: what a killed process left of it is replaced
 * by the next one. So one process at a time may write a file: see `lockModel`. Every method throws a
 * {@linkcode Failure} if the file cannot be written.
 */
export class AtomicFile implements Disposable {
  /** The file's name. */
  readonly path: string;
  readonly #temporary: string;
  readonly #file: Deno.FsFile;
  #renamed = false;

  /** Opens the temporary file. */
  constructor(path: string) {
    this.path = path;
    this.#temporary = `${path}.tmp`;
    this.#file = attempt("write", path, () => {
      Deno.mkdirSync(dirname(path), { recursive: true });
      if (isFolder(path)) throw new Error("it is a folder");
      return Deno.openSync(this.#temporary, { write: true, create: true, truncate: true });
    });
  }

  /** Appends bytes. */
  write(bytes: Uint8Array): void {
    attempt("write", this.path, () => {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    });
  }

  /** Gives the file its name; nothing can be written afterwards. */
  commit(): void {
    attempt("write", this.path, () => {
      this.#file.syncSync();
      this.#file.close();
      Deno.renameSync(this.#temporary, this.path);
      this.#renamed = true;
      syncFolder(dirname(this.path));
    });
  }

  /** Removes what was not committed. */
  [Symbol.dispose](): void {
    if (this.#renamed) return;
    try {
      this.#file.close();
    } catch {
      // It is closed if only the renaming failed.
    }
    removeIfThere(this.#temporary);
  }
}

/**
 * Writes a whole file as an {@linkcode AtomicFile}.
 *
 * @throws {Failure} If the file cannot be written; nothing is left behind.
 */
export function writeFileAtomically(path: string, data: string | Uint8Array): void {
  using file = new AtomicFile(path);
  file.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  file.commit();
}

/**
 * Finds out early whether an {@linkcode AtomicFile} can be written at `path`.
 *
 * @throws {Failure} If it cannot.
 */
export function checkWritable(path: string): void {
  using _file = new AtomicFile(path);
  attempt("write", path, () => syncFolder(dirname(path)));
}

/**
 * Opens a file whose bytes are read in parts. `verb` is what messages say of it: `Cannot VERB PATH: ...`.
 *
 * @throws {Failure} If it is missing, no regular file (others may have no end) or cannot be read; so does
 *   reading, if it cannot be done or the file has become shorter.
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
    size: attempt(verb, path, () => file.statSync().size),
    read: (begin, end) =>
      attempt(verb, path, () => {
        const bytes = new Uint8Array(end - begin);
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
      throw new Failure(`Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
    }
    throw new UsageError(`Cannot read ${path}: there is no such file`, { cause: error });
  }
  if (info.isDirectory) throw new UsageError(`Cannot read ${path}: it is a folder, not a file`);
}

/** A rename lasts once its folder is on the disk. */
function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return; // it opens no folders, and keeps renames by its journal
  using folder = Deno.openSync(path, { read: true });
  try {
    folder.syncSync();
  } catch (error) {
    // Some file systems, network ones among them, sync no folders: there is nothing more to be done.
    if (!(error instanceof Error && "code" in error && error.code === "EINVAL")) throw error;
  }
}

/** Whether there is a file of this name. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
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

/** Does something to the file `path`; what goes wrong becomes a Failure: `Cannot VERB PATH: reason`. */
export function attempt<T>(verb: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new Failure(`Cannot ${verb} ${path}: ${reasonOf(cause)}`, { cause });
  }
}
