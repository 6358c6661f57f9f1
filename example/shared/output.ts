/** What the output of a command may replace: files of the kind that it writes, and nothing that it reads. */

import { UsageError } from "./errors.ts";
import { infoOf, openBytes } from "./files.ts";

/** A kind of files. */
export interface FileKind {
  /** What one is called in messages. */
  readonly name: string;
  /** Whether the file at a path is one. */
  readonly isOwn: (path: string) => boolean;
}

/** Bytes from which the kind of a text is told. */
const BEGINNING = 1 << 16;

/** The kind of files that begin with such a text. */
export function textKind(name: string, begins: (text: string) => boolean): FileKind {
  const isOwn = (path: string) => {
    using file = openBytes(path);
    return begins(new TextDecoder().decode(file.read(0, Math.min(file.size, BEGINNING))));
  };
  return { name, isOwn };
}

/**
 * Checks that files may be written at these paths. What is there may be replaced if it is of the same kind, or
 * empty.
 *
 * @param inputs The paths that the command reads.
 * @throws {UsageError} If one is read, too, or is of another kind.
 * @throws {Failure} If one cannot be read.
 */
export function checkOutput(
  paths: readonly string[],
  { name, isOwn }: FileKind,
  inputs: readonly string[] = [],
): void {
  const read = inputs.map((input) => infoOf(input));
  for (const path of paths) {
    const info = infoOf(path);
    if (info === undefined) continue;
    const isRead = read.some((input) => input?.ino === info.ino && input.dev === info.dev);
    if (isRead) throw new UsageError(`Cannot write ${path}, which is read: give another --out`);
    if (!info.isFile || info.size === 0 || isOwn(path)) continue;
    throw new UsageError(`Cannot replace ${path}, which is no ${name}: give another --out`);
  }
}
