/** Texts that commands read: a file, a compressed file, or standard input, as their lines come in. */

import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Failure, reasonOf } from "../shared/errors.ts";
import { checkFile } from "../shared/files.ts";
import { decodeLine, LineSplitter } from "./lines.ts";

/** Bytes that come in chunks. */
type Chunks = AsyncIterable<Uint8Array>;

/** What unpacks a file, by the end of its name. Errors reach whoever reads what is unpacked. */
const DECODERS: readonly (readonly [ending: string, decode: (file: Readable) => Chunks])[] = [
  [".gz", (file) => pipeline(file, createGunzip(), () => {})],
  [".zst", decodeZstd],
];

/** A text that is read as it comes in. */
export interface Input {
  /** Its path, or `standard input`; for messages. */
  readonly name: string;
  /** Bytes of the file as it is on disk; undefined where nobody knows. */
  readonly bytes: number | undefined;
  /**
   * The lines, some at a time: those that one read completed. Nothing is read before it is asked for.
   *
   * @param onRead Is told the number of bytes, of the file as it is on disk, whenever some were read.
   * @throws {Failure} If the text cannot be read or unpacked, or a line is not UTF-8 or too long; the
   *   message has the line's number.
   */
  lines(onRead?: (bytes: number) => void): AsyncGenerator<readonly string[]>;
}

/**
 * The text at `path`; standard input if that is `-` or missing. A name that ends in `.gz` or `.zst` is
 * unpacked.
 *
 * @throws {UsageError} If there is no such file.
 */
export function openInput(path = "-"): Input {
  if (path === "-") {
    const name = "standard input";
    const lines = () => linesOf(name, attempt("read", name, Deno.stdin.readable));
    return { name, bytes: undefined, lines };
  }
  checkFile(path);
  const { isFile, size } = Deno.statSync(path);
  return {
    name: path,
    bytes: isFile ? size : undefined, // a pipe that has a name
    lines: (onRead) => linesOf(path, openFile(path, onRead)),
  };
}

/** The bytes of a file, unpacked. */
function openFile(path: string, onRead: (bytes: number) => void = () => {}): Chunks {
  const file = createReadStream(path);
  file.on("data", (chunk) => onRead(chunk.length));
  file.pause(); // a listener sets the stream going, and nobody reads yet
  const [, decode] = DECODERS.find(([ending]) => path.endsWith(ending)) ?? [];
  return decode === undefined ? attempt("read", path, file) : attempt("unpack", path, decode(file));
}

/** Deno's own decoder takes a file that was cut off for a whole one, and only the first of several frames. */
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

async function* linesOf(name: string, chunks: Chunks): AsyncGenerator<readonly string[]> {
  const splitter = new LineSplitter();
  let number = 0;
  const decode = function* (ended: Iterable<Uint8Array>) {
    const lines: string[] = [];
    try {
      for (const bytes of ended) lines.push(decodeLine(bytes, ++number, name));
    } finally {
      if (lines.length > 0) yield lines; // also those before one that cannot be read
    }
  };
  for await (const chunk of chunks) {
    yield* decode(splitter.push(chunk));
    if (splitter.isTooLong) break; // decoding says so
  }
  yield* decode(splitter.end());
}

/** The chunks; what goes wrong becomes a Failure: `Cannot VERB NAME: reason`. */
async function* attempt(verb: string, name: string, chunks: Chunks): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (cause) {
    throw new Failure(`Cannot ${verb} ${name}: ${reasonOf(cause)}`, { cause });
  }
}
