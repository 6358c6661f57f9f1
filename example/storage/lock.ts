/** One training run at a time for each model. */

import { Failure } from "../shared/errors.ts";
import { checkWritable, leavingNoFolder } from "../shared/files.ts";
import { lockFile } from "../shared/lock.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { modelPath } from "./open_model.ts";

/**
 * Locks the model called `save` for this process, until the lock is disposed of or the process ends. The
 * operating system holds the lock, on `saved_model/SAVE.lock`, so a crash releases it. A missing folder is
 * made.
 *
 * @param save Name of the model, as in `Settings.save`.
 * @throws {Failure} At once, if another run holds it, or if the file cannot be written.
 */
export function lockModel(save: string): Disposable {
  const path = `${MODEL_FOLDER}/${save}`;
  return lockFile(`${path}.lock`, (holder) => {
    const cure = "wait for it, or give another --save (ranks of one run: --distributed)";
    throw new Failure(`Cannot train ${save}: another run${holder} is writing ${path}; ${cure}`);
  });
}

/**
 * Checks early that a run can train the model called `save`. Nothing is left behind.
 *
 * @throws {Failure} If another run holds it, or if its files cannot be written.
 */
export function checkModelWritable(save: string): void {
  const path = modelPath(save);
  leavingNoFolder(path, () => {
    using _lock = lockModel(save);
    checkWritable(path);
  });
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
