/** One look at a text file: its lines, their ends, and words that are odd. */

import { type Chunks, linesOf, openChunks } from "../data/input.ts";
import { splitWords, withoutMarks } from "../data/words.ts";

/** Bytes that are looked at, so that the look takes seconds. */
const MAX_BYTES = 2 ** 26;
const NEWLINE = 10, RETURN = 13;
/** How other programs write an unknown word; only `<unk>` is read as one. */
const OTHER_UNKNOWN = /^(?:<UNK>|\[UNK\]|<unknown>|<UNKNOWN>|<oov>|<OOV>|<rare>|@@UNKNOWN@@)$/;
const MARKS: readonly string[] = ["<s>", "</s>"];

/** What a file holds. All but the sizes and the ends count lines or words up to a limit of bytes. */
export interface Scan {
  readonly path: string;
  /** Size in bytes, and whether only its beginning was looked at. */
  readonly bytes: number;
  readonly isPart: boolean;
  readonly lines: number;
  readonly words: number;
  /** Lines without a word. */
  readonly blank: number;
  /** Words of the longest line, and its number. */
  readonly longest: { readonly words: number; readonly line: number };
  /** Lines with `<s>` or `</s>` at an end, and with one between words. */
  readonly marked: number;
  readonly inner: number;
  /** Times that `<unk>` is a word, and that another spelling of it is. */
  readonly unknown: number;
  readonly otherUnknown: ReadonlyMap<string, number>;
  /** Lines with a replacement character, which an earlier conversion left. */
  readonly replaced: number;
  /** Lines whose letters and accents are separate characters. */
  readonly decomposed: number;
  /** Line ends of each kind. */
  readonly ends: LineEnds;
}

/** Line ends of each kind. */
export type LineEnds = Readonly<Record<"LF" | "CRLF" | "CR", number>>;

/**
 * Looks at a file that is there.
 *
 * @param onSentence Receives the words of each line, without the marks at its ends.
 * @throws {Failure} If it cannot be read or is not UTF-8.
 */
export async function scanFile(
  path: string,
  onSentence: (words: readonly string[]) => void,
): Promise<Scan> {
  const counts = { lines: 0, words: 0, blank: 0, marked: 0, inner: 0, unknown: 0 };
  const odd = { replaced: 0, decomposed: 0 }, otherUnknown = new Map<string, number>();
  let longest = { words: 0, line: 0 }, read = 0;
  const onLine = (line: string) => {
    const all = splitWords(line), words = withoutMarks(all);
    counts.lines++;
    counts.words += words.length;
    if (words.length === 0) counts.blank++;
    if (words.length < all.length) counts.marked++;
    if (words.length > longest.words) longest = { words: words.length, line: counts.lines };
    if (words.some((word) => MARKS.includes(word))) counts.inner++;
    for (const word of words) {
      if (word === "<unk>") counts.unknown++;
      else if (OTHER_UNKNOWN.test(word)) {
        otherUnknown.set(word, (otherUnknown.get(word) ?? 0) + 1);
      }
    }
    if (line.includes("\ufffd")) odd.replaced++;
    if (line !== line.normalize("NFC")) odd.decomposed++;
    onSentence(words);
  };
  const ends = { LF: 0, CRLF: 0, CR: 0 };
  const chunks = countingEnds(openChunks(path, (bytes) => read += bytes), ends);
  for await (const lines of linesOf(path, chunks)) {
    lines.forEach(onLine);
    if (read > MAX_BYTES) break;
  }
  const bytes = Deno.statSync(path).size, isPart = read < bytes;
  return { path, bytes, isPart, longest, ...counts, ...odd, otherUnknown, ends };
}

/** Passes chunks on, and counts the line ends in them. */
async function* countingEnds(
  chunks: Chunks,
  ends: Record<keyof LineEnds, number>,
): AsyncGenerator<Uint8Array> {
  let before = 0;
  for await (const chunk of chunks) {
    for (const byte of chunk) {
      if (byte === RETURN) ends.CR++;
      else if (byte === NEWLINE && before === RETURN) ends.CR--, ends.CRLF++;
      else if (byte === NEWLINE) ends.LF++;
      before = byte;
    }
    yield chunk;
  }
}
