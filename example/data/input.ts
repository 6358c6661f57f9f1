/** Input of commands: a file, a compressed file or standard input, read line by line as it arrives. */

import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type Fail, Failure, reasonOf } from "../shared/errors.ts";
import { checkFile } from "../shared/files.ts";
import { decodeLine, LineSplitter } from "./lines.ts";

/** Bytes in chunks. */
export type Chunks = AsyncIterable<Uint8Array>;

/** Decompressors by file extension. The reader of the output gets their errors. */
const DECODERS: readonly (readonly [ending: string, decode: (file: Readable) => Chunks])[] = [
  [".gz", (file) => pipeline(file, createGunzip(), () => {})],
  [".zst", decodeZstd],
];

/** A text that is read as it arrives. */
export interface Input {
  /** Its path, or `standard input`; for messages. */
  readonly name: string;
  /** Size of the file on disk in bytes; undefined if unknown. */
  readonly bytes: number | undefined;
  /**
   * The lines in groups: those that one read completed. Nothing is read ahead.
   *
   * @param onRead Receives the number of bytes after each read, as counted on disk.
   * @throws {Failure} If the text cannot be read or unpacked, or a line is not UTF-8 or too long; the
   *   message has the line's number.
   */
  lines(onRead?: (bytes: number) => void): AsyncGenerator<readonly string[]>;
}

/** What messages call the input at `path`. */
export function inputName(path: string): string {
  return path === "-" ? "standard input" : path;
}

/**
 * The text at `path`; standard input if that is `-` or missing. Files named `.gz` or `.zst` are
 * decompressed.
 *
 * @throws {UsageError} If there is no such file.
 */
export function openInput(path = "-"): Input {
  if (path === "-") {
    const name = inputName(path);
    const lines = () => linesOf(name, attemptChunks("read", name, Deno.stdin.readable));
    return { name, bytes: undefined, lines };
  }
  checkFile(path);
  const { isFile, size } = Deno.statSync(path);
  return {
    name: path,
    bytes: isFile ? size : undefined, // a named pipe
    lines: (onRead) => linesOf(path, openChunks(path, onRead)),
  };
}

/** The lines of {@linkcode openInput}, each with a {@linkcode Fail} that names it. */
export async function* readInput(
  path?: string,
): AsyncGenerator<readonly [line: string, fail: Fail]> {
  const input = openInput(path);
  let number = 0;
  for await (const lines of input.lines()) {
    for (const line of lines) {
      const start = `Cannot read ${input.name}: line ${++number}`;
      yield [line, (why) => {
        throw new Failure(`${start} ${why}`);
      }];
    }
  }
}

/**
 * The bytes of a file, decompressed if it is named `.gz` or `.zst`.
 *
 * @param onRead Receives the number of bytes after each read, as counted on disk.
 */
export function openChunks(path: string, onRead: (bytes: number) => void = () => {}): Chunks {
  const file = createReadStream(path);
  file.on("data", (chunk) => onRead(chunk.length));
  file.pause(); // a listener starts the stream, but there is no reader yet
  const [, decode] = DECODERS.find(([ending]) => path.endsWith(ending)) ?? [];
  return decode === undefined
    ? attemptChunks("read", path, file)
    : attemptChunks("unpack", path, decode(file));
}

/** Deno's own decoder accepts a truncated file, and reads only the first of several frames. */
async function* decodeZstd(file: Chunks): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import("fzstd");
  let done: Uint8Array[] = [];
  const decoder = new Decompress((bytes) => done.push(bytes));
  for await (const chunk of file) {
    decoder.push(chunk);
    yield* done;
    done = [];
  }
  decoder.push(new Uint8Array(), true);
  yield* done;
}

/**
 * The lines of chunks in groups, as {@linkcode Input.lines} gives them.
 *
 * @param name What the chunks are from, for messages.
 * @throws {Failure} If a line is not UTF-8 or too long.
 */
export async function* linesOf(name: string, chunks: Chunks): AsyncGenerator<readonly string[]> {
  const splitter = new LineSplitter();
  const lines: string[] = [];
  let number = 0;
  const add = (bytes: Uint8Array, start: number, end: number) => {
    lines.push(decodeLine(bytes.subarray(start, end), ++number, name));
  };
  try {
    for await (const chunk of chunks) {
      splitter.split(chunk, add);
      yield lines.splice(0);
      if (splitter.isTooLong) break; // decoding reports it
    }
    splitter.end(add);
  } finally {
    if (lines.length > 0) yield lines; // also those before a failed read
  }
}

/** Passes the chunks on; turns an error into a Failure: `Cannot VERB NAME: reason`. */
async function* attemptChunks(
  verb: string,
  name: string,
  chunks: Chunks,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (cause) {
    throw new Failure(`Cannot ${verb} ${name}: ${reasonOf(cause)}`, { cause });
  }
}
