/** A disk that has no room for what is written. */

/** Runs `action` on a disk on which half of what is written first fits, and nothing after it. */
export function onFullDisk<T>(action: () => T): T {
  const { writeSync } = Deno.FsFile.prototype;
  let isFull = false;
  Deno.FsFile.prototype.writeSync = function (bytes: Uint8Array): number {
    if (isFull) throw new Error("No space left on device (os error 28)");
    isFull = true;
    return writeSync.call(this, bytes.subarray(0, bytes.length >> 1));
  };
  try {
    return action();
  } finally {
    Deno.FsFile.prototype.writeSync = writeSync;
  }
}
