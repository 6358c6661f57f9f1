/** Locks between processes, which the operating system holds: a crash releases them. */

import { dirname } from "@std/path";
import { attempt, makeFolder } from "./files.ts";

/** Times that a folder may vanish before its file is opened. */
const MAX_TRIES = 10;

/**
 * Locks the file at `path` for this process, until the lock is disposed of or the process ends. A missing
 * folder is made. While another process holds the lock, this one waits.
 *
 * @param onHeld Is called before waiting, with the other process in brackets if it is known; it may throw.
 * @throws {Failure} If the file cannot be written.
 */
export function lockFile(path: string, onHeld: (holder: string) => void): Disposable {
  for (;;) {
    using opened = new DisposableStack();
    const file = opened.use(attempt("write", path, () => openWithFolder(path)));
    if (!attempt("write", path, () => file.tryLockSync(true))) {
      onHeld(holder(file));
      attempt("write", path, () => file.lockSync(true));
    }
    if (!isAt(path, file)) continue; // the previous process removed it after it was opened here
    opened.defer(() => release(path, file));
    attempt("write", path, () => {
      file.truncateSync();
      file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    });
    return opened.move();
  }
}

/** Opens the file in its folder, which another process may remove while it is empty: see `leavingNoFolder`. */
function openWithFolder(path: string): Deno.FsFile {
  const { AlreadyExists, NotFound } = Deno.errors;
  for (let tries = 1;; tries++) {
    try {
      makeFolder(dirname(path));
      return Deno.openSync(path, { read: true, write: true, create: true });
    } catch (error) {
      const isGone = error instanceof NotFound || error instanceof AlreadyExists;
      if (!isGone || tries === MAX_TRIES) throw error;
    }
  }
}

/** Describes the lock's owner; empty if the system does not allow reading a locked file. */
function holder(file: Deno.FsFile): string {
  const bytes = new Uint8Array(20);
  try {
    const pid = parseInt(new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0)));
    return Number.isNaN(pid) ? "" : ` (pid ${pid})`;
  } catch {
    return "";
  }
}

/** Whether `path` still names this file. */
function isAt(path: string, file: Deno.FsFile): boolean {
  try {
    return Deno.statSync(path).ino === file.statSync().ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Removes the file while it is locked, so that no other process can hold a lock on it. */
function release(path: string, file: Deno.FsFile): void {
  try {
    if (isAt(path, file)) Deno.removeSync(path);
  } catch {
    // A leftover file without a lock is harmless.
  }
}
