/** A good small model file in parts, made without a GPU, for tests that damage it. */

import { encodeModel, type ModelFile } from "../../example/storage/model_file.ts";
import { encodeHeader } from "../../example/storage/safetensors.ts";
import { product } from "../../example/model/shapes.ts";
import { wordsOf } from "./texts.ts";
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

/** The file of {@linkcode smallSettings} in parts, as the first versions wrote it: words in the header. */
export function goodParts(): Parts {
  const settings = smallSettings();
  const { json } = headerOf(encodeHeader(parameterShapes(settings, WORDS.size)));
  const { __metadata__: _, ...entries } = JSON.parse(json);
  const { settings: kept, ...metadata } = JSON.parse(headerOf(fileOf(settings)).json).__metadata__;
  return {
    settings: JSON.parse(kept),
    words: wordsOf(WORDS),
    counts: [...WORDS.counts],
    metadata,
    entries,
    data: join(numbersOf(settings)),
  };
}

/** The file of {@linkcode smallSettings} with another vocabulary tensor, or without it. */
export function withVocabulary(
  name: "words" | "counts",
  change: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  const bytes = fileOf(smallSettings()), { json, start } = headerOf(bytes);
  const { __metadata__, ...entries } = JSON.parse(json) as Record<string, Entry>;
  const parts: Uint8Array[] = [], header: Record<string, unknown> = { __metadata__ };
  let at = 0;
  for (const [tensor, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(entries)) {
    const isChanged = tensor === `vocabulary.${name}`;
    const data = isChanged ? change : bytes.slice(start + begin!, start + end!);
    if (data === undefined) continue;
    const size = name === "words" ? data.length : data.length / 8;
    header[tensor] = {
      dtype,
      shape: isChanged ? [size] : shape,
      data_offsets: [at, at + data.length],
    };
    at += data.length;
    parts.push(data);
  }
  return withHeader(JSON.stringify(header), join(...parts));
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
