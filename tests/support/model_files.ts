/** A good small model file in parts, made without a GPU, for tests that damage it. */

import { encodeModel, type ModelFile } from "../../example/storage/model_file.ts";
import { byteView } from "../../example/shared/files.ts";
import { encodeHeader } from "../../example/storage/safetensors.ts";
import { wordsOf } from "./texts.ts";
import type { Given } from "../../example/options/option.ts";
import type { ModelSettings } from "../../example/options/options.ts";
import { parseSettings } from "../../example/options/settings.ts";
import { parameterShapes, product } from "../../example/model/shapes.ts";
import { Vocabulary } from "../../example/data/vocab.ts";

/** A tensor's entry in a header. */
export interface Entry {
  dtype: unknown;
  shape: number[];
  data_offsets: number[];
}

/** A model file taken apart. */
export interface Parts {
  settings: Record<string, unknown>;
  /** The other texts of the header. */
  metadata: Record<string, unknown>;
  /** The entries of the parameters, and their numbers. */
  entries: Record<string, Entry>;
  data: Uint8Array<ArrayBuffer>;
  /** The tensors of the vocabulary, which follow them; undefined for one that is missing. */
  words: Uint8Array | undefined;
  counts: Uint8Array | undefined;
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
  const { before, after } = encodeModel({ settings, vocabulary: WORDS });
  return join(...before, numbersOf(settings), after);
}

function numbersOf(settings: ModelSettings): Uint8Array {
  const sizes = [...parameterShapes(settings, WORDS.size)].map(([, shape]) => product(shape));
  const numbers = new Float32Array(sizes.reduce((a, b) => a + b)).map((_, i) => i + 0.5);
  return new Uint8Array(numbers.buffer);
}

/** The numbers of a model's parameters by name. */
export function parametersOf(
  { parameters }: Pick<ModelFile, "parameters">,
): Map<string, Float32Array> {
  return new Map([...parameters].map(([name, { size, read }]) => [name, read(0, size)]));
}

/** The header of a file as JSON, and where its tensors begin. */
export function headerOf(bytes: Uint8Array<ArrayBuffer>): { json: string; start: number } {
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return { json: new TextDecoder().decode(bytes.subarray(8, start)), start };
}

/** The words as a tensor's bytes. */
export function wordBytes(...words: readonly string[]): Uint8Array {
  return new TextEncoder().encode(words.map((word) => `${word}\n`).join(""));
}

/** The counts as a tensor's bytes. */
export function countBytes(...counts: readonly number[]): Uint8Array {
  return byteView(Float64Array.from(counts));
}

/** The file of {@linkcode smallSettings} in parts. */
export function goodParts(): Parts {
  const settings = smallSettings();
  const { json } = headerOf(encodeHeader(parameterShapes(settings, WORDS.size)));
  const { __metadata__: _, ...entries } = JSON.parse(json);
  const { settings: kept, ...metadata } = JSON.parse(headerOf(fileOf(settings)).json).__metadata__;
  return {
    settings: JSON.parse(kept),
    metadata,
    entries,
    data: join(numbersOf(settings)),
    words: wordBytes(...wordsOf(WORDS)),
    counts: countBytes(...WORDS.counts),
  };
}

/** The file with these parts; settings in `metadata` replace the others. */
export function assemble(parts: Parts): Uint8Array<ArrayBuffer> {
  const { settings, metadata, entries, data, words, counts } = parts;
  const header: Record<string, unknown> = {
    __metadata__: { settings: JSON.stringify(settings), ...metadata },
    ...entries,
  };
  let end = data.length;
  const add = (name: string, dtype: string, size: number, bytes: Uint8Array) => {
    header[name] = { dtype, shape: [bytes.length / size], data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  };
  if (counts) add("vocabulary.counts", "F64", 8, counts);
  if (words) add("vocabulary.words", "U8", 1, words);
  const vocabulary = [counts, words].filter((bytes) => bytes !== undefined);
  return withHeader(JSON.stringify(header), join(data, ...vocabulary));
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

/** A damaged file. */
export interface Damage {
  label: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** The error message after the file's name. */
  reason: RegExp;
}

/** The good file after `change`. */
export function damage(label: string, reason: RegExp, change: (parts: Parts) => void): Damage {
  const parts = goodParts();
  change(parts);
  return { label, reason, bytes: assemble(parts) };
}
