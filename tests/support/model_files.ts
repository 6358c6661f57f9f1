/** A good small model file in parts, made without a GPU, for tests that damage it. */

import { encodeModelHeader } from "../../example/storage/model_file.ts";
import { product } from "../../example/model/shapes.ts";
import { type Given, type ModelSettings, parseSettings } from "../../example/options/settings.ts";
import { parameterShapes } from "../../example/model/shapes.ts";
import { Vocabulary } from "../../example/data/vocab.ts";

/** A tensor's entry in a header. */
export interface Entry {
  dtype: unknown;
  shape: number[];
  data_offsets: number[];
}

/** A model file taken apart. */
export interface Parts {
  /** Settings, words and counts. */
  settings: Record<string, unknown>;
  words: unknown[];
  counts: unknown[];
  /** The other texts of the header. */
  metadata: Record<string, unknown>;
  entries: Record<string, Entry>;
  data: Uint8Array<ArrayBuffer>;
}

/** The words of the small model. */
export const WORDS = Vocabulary.from(["<unk>", "<s>", "</s>", "a", '\u00e9"\\'], [2, 3, 0, 5, 1]);

/** The settings of a small model. */
export function smallSettings(given: Given = {}): ModelSettings {
  const sizes = { emsize: "3", nhid: "2", nlayers: "2", loss: "nce", "norm-term": "learned" };
  return parseSettings({ train: true, ...sizes, ...given });
}

/** The bytes of a file with these settings and {@linkcode WORDS}; its numbers are 0.5, 1.5, 2.5, ... */
export function fileOf(settings: ModelSettings): Uint8Array<ArrayBuffer> {
  const header = encodeModelHeader({ settings, vocabulary: WORDS });
  const sizes = [...parameterShapes(settings, WORDS.size)].map(([, shape]) => product(shape));
  const numbers = new Float32Array(sizes.reduce((a, b) => a + b)).map((_, i) => i + 0.5);
  return join(header, new Uint8Array(numbers.buffer));
}

/** The header of a file as JSON, and where its tensors begin. */
export function headerOf(bytes: Uint8Array<ArrayBuffer>): { json: string; start: number } {
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return { json: new TextDecoder().decode(bytes.subarray(8, start)), start };
}

/** The file of {@linkcode smallSettings} in parts. */
export function goodParts(): Parts {
  const bytes = fileOf(smallSettings()), { json, start } = headerOf(bytes);
  const { __metadata__: texts, ...entries } = JSON.parse(json);
  const { settings, words, counts, ...metadata } = texts;
  return {
    settings: JSON.parse(settings),
    words: JSON.parse(words),
    counts: JSON.parse(counts),
    metadata,
    entries,
    data: bytes.slice(start),
  };
}

/** The file with these parts; texts in `metadata` replace the computed ones. */
export function assemble(parts: Parts): Uint8Array<ArrayBuffer> {
  const { settings, words, counts, metadata, entries, data } = parts;
  const texts = Object.entries({ settings, words, counts }).map((
    [name, value],
  ) => [name, JSON.stringify(value)]);
  const header = { __metadata__: { ...Object.fromEntries(texts), ...metadata }, ...entries };
  return withHeader(JSON.stringify(header), data);
}

/** A file with this text as its header. */
export function withHeader(json: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(json), length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return join(length, text, data);
}

/** Concatenates bytes. */
export function join(...pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}
