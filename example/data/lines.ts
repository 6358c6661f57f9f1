/** The lines of text files: strict UTF-8, line endings as in Python. */

import { concat } from "@std/bytes";
import { Failure } from "../shared/errors.ts";

const NEWLINE = 10;
const RETURN = 13;
/** Maximum bytes in a line: what one string and the list of its words can hold. */
const MAX_LINE = 1 << 27;
/** The byte order marks of UTF-16: the first two bytes of a file. */
const UTF_16_MARKS = ["255,254", "254,255"];
/** The byte order mark of UTF-8. */
const UTF_8_MARK = "239,187,191";
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of a line.
 *
 * @param number The line's number in the file, from 1.
 * @param name The file's name, for messages.
 * @throws {Failure} If the line is not UTF-8 or too long.
 */
export function decodeLine(bytes: Uint8Array, number: number, name: string): string {
  const fail = (why: string, options?: ErrorOptions): never => {
    throw new Failure(`Cannot read ${name}: line ${number} ${why}`, options);
  };
  const looksUtf16 = bytes.includes(0) ||
    number === 1 && UTF_16_MARKS.includes(bytes.subarray(0, 2).join());
  if (looksUtf16) {
    fail("looks like UTF-16, or has a zero byte; convert the file to UTF-8, or take the byte out");
  }
  if (bytes.length > MAX_LINE) {
    fail(`has over ${MAX_LINE >> 20} MiB; write a sentence a line`);
  }
  try {
    return DECODER.decode(bytes);
  } catch (cause) {
    return fail("is not UTF-8; convert the file to UTF-8", { cause });
  }
}

/** Receives a line: it is `bytes` from `start` up to `end`, valid until it returns. */
type OnLine = (bytes: Uint8Array, start: number, end: number) => void;

/**
 * Splits chunks of bytes into lines, which end as in Python's text files: with a newline, a carriage return, or both;
 * a line ending at the end does not start another line. A byte order mark at the start is dropped.
 */
export class LineSplitter {
  /** The start of an incomplete line. */
  #pieces: Uint8Array[] = [];
  #afterReturn = false;
  #isFirst = true;

  /** Whether the incomplete line is already too long for {@linkcode decodeLine}. */
  get isTooLong(): boolean {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, 0) > MAX_LINE;
  }

  /** Gives the lines that end in `chunk`. */
  split(chunk: Uint8Array, onLine: OnLine): void {
    let start = this.#isFirst && chunk.subarray(0, 3).join() === UTF_8_MARK ? 3 : 0;
    this.#isFirst = false;
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at], endsBoth = this.#afterReturn && byte === NEWLINE;
      this.#afterReturn = byte === RETURN;
      if (byte !== NEWLINE && byte !== RETURN) continue;
      if (!endsBoth) {
        if (this.#pieces.length === 0) onLine(chunk, start, at);
        else {
          this.#pieces.push(chunk.subarray(start, at));
          this.end(onLine);
        }
      }
      start = at + 1;
    }
    if (start < chunk.length) this.#pieces.push(chunk.slice(start));
  }

  /** Gives the last line, if it has no line ending. */
  end(onLine: OnLine): void {
    if (this.#pieces.length === 0) return;
    const line = concat(this.#pieces);
    this.#pieces = [];
    onLine(line, 0, line.length);
  }
}
