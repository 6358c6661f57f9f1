/** Splits lines into words as bytes, without making strings. */

import { decodeLine } from "./lines.ts";
import { grow } from "./word_table.ts";

/** What a byte can be: part of a word, white space, or not ASCII, and then perhaps the start of white space. */
const WORD = 0, SPACE = 1, NUL = 2, HIGH = 4;
const CLASS = new Uint8Array(256).map((_, byte) => {
  if (byte === 0) return NUL;
  if (byte >= 0x80) return HIGH;
  return (byte >= 0x09 && byte <= 0x0d) || (byte >= 0x1c && byte <= 0x20) ? SPACE : WORD;
});
/** Longer lines are left to {@linkcode decodeLine}, which may refuse them. */
const SHORT = 1 << 20;

/** The words of one line: word i is `bytes` from `bounds[2 * i]` up to `bounds[2 * i + 1]`. */
export class LineWords {
  /** What the line is in. */
  bytes: Uint8Array = new Uint8Array();
  /** Where words begin and end. */
  bounds = new Uint32Array(1 << 8);
  /** The first word, and the one behind the last, without any `<s>` and `</s>` at the line's ends. */
  first = 0;
  end = 0;
  /** Whether the line has such marks: every sentence has its own. */
  isMarked = false;

  /** Number of words. */
  get size(): number {
    return this.end - this.first;
  }

  /**
   * Splits the line from `begin` up to `end` of `bytes` where Python's `str.split()` does: at Unicode white
   * space and the four ASCII separators.
   *
   * @param number The line's number in the file, from 1.
   * @param name The file's name, for messages.
   * @throws {Failure} As {@linkcode decodeLine}.
   */
  split(bytes: Uint8Array, begin: number, end: number, number: number, name: string): void {
    this.bytes = bytes;
    let words = 0, start = -1, kinds = 0;
    for (let at = begin; at < end;) {
      const kind = CLASS[bytes[at]!]!;
      kinds |= kind;
      // The bytes of a character do not go on in the next line.
      const width = kind === WORD ? 0 : kind === SPACE ? 1 : wideSpace(bytes, at);
      if (width === 0) {
        if (start < 0) start = at;
        at++;
        continue;
      }
      if (start >= 0) this.#put(words++, start, at);
      start = -1;
      at += width;
    }
    if (start >= 0) this.#put(words++, start, end);
    if (kinds > SPACE || end - begin > SHORT) {
      decodeLine(bytes.subarray(begin, end), number, name);
    }
    this.#dropMarks(words);
  }

  #put(word: number, start: number, end: number): void {
    this.bounds = grow(this.bounds, 2 * word + 2);
    this.bounds[2 * word] = start;
    this.bounds[2 * word + 1] = end;
  }

  #dropMarks(words: number): void {
    let first = 0, end = words;
    while (first < end && this.#isMark(first)) first++;
    while (end > first && this.#isMark(end - 1)) end--;
    this.first = first;
    this.end = end;
    this.isMarked = end - first < words;
  }

  /** Whether a word is `<s>` or `</s>`. */
  #isMark(word: number): boolean {
    const start = this.bounds[2 * word]!, end = this.bounds[2 * word + 1]!, { bytes } = this;
    const slash = end - start === 4 ? 1 : 0;
    return end - start === 3 + slash && bytes[start] === 0x3c && bytes[end - 2] === 0x73 &&
      bytes[end - 1] === 0x3e && (slash === 0 || bytes[start + 1] === 0x2f);
  }
}

/** Number of bytes of the white space beyond ASCII that begins at `at`; 0 if there is none. */
function wideSpace(line: Uint8Array, at: number): number {
  const b = line[at + 1], c = line[at + 2];
  switch (line[at]) {
    case 0xc2: // U+0085, U+00A0
      return b === 0x85 || b === 0xa0 ? 2 : 0;
    case 0xe1: // U+1680
      return b === 0x9a && c === 0x80 ? 3 : 0;
    case 0xe2: // U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F
      if (b === 0x81) return c === 0x9f ? 3 : 0;
      return b === 0x80 && c !== undefined &&
          ((c >= 0x80 && c <= 0x8a) || c === 0xa8 || c === 0xa9 || c === 0xaf)
        ? 3
        : 0;
    case 0xe3: // U+3000
      return b === 0x80 && c === 0x80 ? 3 : 0;
    default:
      return 0;
  }
}
