/** One training run at a time for each model. */

import { Failure } from "../shared/errors.ts";
import { attempt } from "../shared/files.ts";
import { MODEL_FOLDER } from "../options/settings.ts";

/**
 * Locks the model called `save` for this process, until the lock is disposed of or the process ends. The
 * operating system holds the lock, on `FOLDER/SAVE.lock`, so a crash releases it. A missing folder is
 * made.
 *
 * @param save Name of the model, as in `Settings.save`.
 * @param folder Folder of the saved models.
 * @throws {Failure} At once, if another run holds it, or if the file cannot be written.
 */
export function lockModel(save: string, folder = MODEL_FOLDER): Disposable {
  const path = `${folder}/${save}.lock`;
  attempt("write", path, () => Deno.mkdirSync(folder, { recursive: true }));
  for (;;) {
    const file = open(path);
    if (!attempt("write", path, () => file.tryLockSync(true))) {
      using _file = file;
      const cure = "wait for it, or give another --save";
      throw new Failure(
        `Cannot train ${save}: another run${holder(file)} is writing ${folder}/${save}; ${cure}`,
      );
    }
    if (!isAt(path, file)) {
      file.close();
      continue; // the previous run removed it after it was opened here
    }
    using held = new DisposableStack();
    held.defer(() => release(path, file));
    attempt("write", path, () => {
      file.truncateSync();
      file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    });
    return held.move();
  }
}

/** Whether a process holds the lock on the file `path`. */
export function isLocked(path: string): boolean {
  try {
    using file = Deno.openSync(path, { read: true });
    return !file.tryLockSync(false);
  } catch {
    return false; // it is not there: the lock was released
  }
}

function open(path: string): Deno.FsFile {
  return attempt(
    "write",
    path,
    () => Deno.openSync(path, { read: true, write: true, create: true }),
  );
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
  using _file = file;
  try {
    if (isAt(path, file)) Deno.removeSync(path);
  } catch {
    // A leftover file without a lock is harmless.
  }
}
