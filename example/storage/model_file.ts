/** Encodes and decodes model files, without a GPU. */

import type { SelfNormalization } from "../evaluation/card.ts";
import { Failure } from "../shared/errors.ts";
import { formatCount } from "../shared/progress.ts";
import type { ModelSettings } from "../options/settings.ts";
import { keptSettings, readSettings } from "./model_settings.ts";
import {
  bytesOf,
  cannotLoad,
  decodeHeader,
  encodeHeader,
  type Fail,
  MAX_HEADER,
  type Place,
  readTensor,
} from "./safetensors.ts";
import { AtomicFile, type ByteSource } from "../shared/files.ts";
import { type NamedShape, parameterShapes, product } from "../model/shapes.ts";
import { Vocabulary } from "../data/vocab.ts";

/** Identifies a model file in its header. */
const KIND = "nce word language model";

/** Data of a model file, besides the parameters. */
export interface SavedBeside {
  readonly vocabulary: Vocabulary;
  readonly settings: ModelSettings;
  /** The validation result: models are compared by `measure`, smaller is better. */
  readonly validation?: SavedValidation;
  /** Self-normalisation in the last exact validation. */
  readonly card?: SelfNormalization;
}

/** Quality of a saved model. */
export interface SavedValidation {
  /** Its perplexity, or its loss if it has none. */
  readonly kind: "ppl" | "loss";
  readonly measure: number;
}

/** The header of a model file. */
export interface ModelHeader {
  readonly vocabulary: Vocabulary;
  readonly settings: ModelSettings;
  /** Self-normalisation of the model, if its last validation measured it. */
  readonly card?: SelfNormalization;
}

/** The full content of a model file. */
export interface ModelFile extends ModelHeader {
  /** The values of each parameter by name, all finite. */
  readonly parameters: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}

/** Space in a header for the settings, the card, and a checkpoint's other data. */
const BESIDE_BYTES = 8000;
/** Space in a header for one parameter, which has up to three tensors in a checkpoint. */
const ENTRY_BYTES = 600;
/** Number of words measured at a time. */
const CHUNK = 1000;

/**
 * The bytes of a model file before the parameters, which follow in the order of
 * {@linkcode parameterShapes}.
 */
export function encodeModelHeader(
  { vocabulary, settings, validation, card }: SavedBeside,
): Uint8Array<ArrayBuffer> {
  return encodeHeader(parameterShapes(settings, vocabulary.size), {
    kind: KIND,
    settings: JSON.stringify(keptSettings(settings)),
    words: JSON.stringify(vocabulary.words),
    counts: JSON.stringify(vocabulary.counts),
    ...(validation && { validation: JSON.stringify(validation) }),
    ...(card && { selfNormalization: JSON.stringify(card) }),
  });
}

/** Whether a header with these texts belongs to a model file, valid or not. */
export function isModel({ kind }: Readonly<Record<string, string>>): boolean {
  return kind === KIND;
}

/**
 * Checks before training that a model with these settings and words, and its checkpoints, can be saved.
 *
 * @throws {Failure} If its header would be longer than the format allows.
 */
export function checkSavable(settings: ModelSettings, vocabulary: Vocabulary): void {
  let bytes = 0;
  for (const part of headerParts(settings, vocabulary)) {
    bytes += part;
    if (bytes <= MAX_HEADER) continue;
    throw new Failure(
      `Cannot save a model of ${
        formatCount(vocabulary.size)
      } words and --nlayers ${settings.nlayers}: ` +
        `names and counts would take more than the ${
          formatCount(MAX_HEADER)
        } bytes that a safetensors ` +
        "file has for them; raise --min-freq, or give a smaller vocabulary by --vocab",
    );
  }
}

/** Sizes of a header's parts, as close upper bounds; a generator, since there may be too many. */
function* headerParts(settings: ModelSettings, { words, counts }: Vocabulary): Generator<number> {
  yield BESIDE_BYTES;
  for (const _ of parameterShapes(settings, words.length)) yield ENTRY_BYTES;
  for (let at = 0; at < words.length; at += CHUNK) {
    yield nestedBytes(words.slice(at, at + CHUNK)) + nestedBytes(counts.slice(at, at + CHUNK));
  }
}

/** Bytes of a list as JSON within JSON, where escapes are escaped again. */
function nestedBytes(list: readonly unknown[]): number {
  return new TextEncoder().encode(JSON.stringify(JSON.stringify(list))).length;
}

/**
 * Writes a model file atomically from values in memory.
 *
 * @throws {Failure} If the file cannot be written, or its header would be too long.
 */
export function writeModel(path: string, { vocabulary, settings, parameters }: ModelFile): void {
  checkSavable(settings, vocabulary);
  using file = new AtomicFile(path);
  file.write(encodeModelHeader({ vocabulary, settings }));
  for (const [name] of parameterShapes(settings, vocabulary.size)) {
    file.write(bytesOf(parameters.get(name)!));
  }
  file.commit();
}

/**
 * Reads a model file. The whole header is checked before anything else is read, so that a damaged file
 * cannot cause large allocations.
 *
 * @param file The file.
 * @param fileName Its name, for messages.
 * @param maxBytes The most bytes that the device takes for a parameter that is no table of words.
 * @throws {Failure} One line, `Cannot load NAME: ...`, if anything is missing, damaged, excessive or unknown.
 */
export function decodeModel(file: ByteSource, fileName: string, maxBytes = Infinity): ModelFile {
  const fail = cannotLoad(fileName);
  const { places, ...header } = decodeModelHeader(file, fileName, maxBytes);
  const parameters = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, place] of places) {
    const numbers = readTensor(file, place), flaw = nonFinite(numbers, place.shape);
    if (flaw !== undefined) fail(`${name} has ${flaw}`);
    parameters.set(name, numbers);
  }
  return { ...header, parameters };
}

/** Reads and checks the header, with the parameters' positions; throws as {@linkcode decodeModel}. */
export function decodeModelHeader(
  file: ByteSource,
  fileName: string,
  maxBytes = Infinity,
): ModelHeader & { places: ReadonlyMap<string, Place> } {
  const fail = cannotLoad(fileName);
  const { places, metadata } = decodeHeader(file, fileName);
  if (!isModel(metadata)) return fail("it is not a word language model of this program");
  const settings = readSettings(parseText(metadata, "settings", fail), fail);
  const [words, counts] = [parseText(metadata, "words", fail), parseText(metadata, "counts", fail)];
  const vocabulary = readVocabulary(words, counts, fail);
  checkPlaces(places, parameterShapes(settings, vocabulary.size), fail);
  checkSizes(parameterShapes(settings, vocabulary.size), vocabulary.size, maxBytes, fail);
  const card = readCard(metadata);
  return { vocabulary, settings, places, ...(card && { card }) };
}

/** The card, which is optional: undefined if it is missing or damaged. */
function readCard({ selfNormalization }: Readonly<Record<string, string>>): ModelHeader["card"] {
  try {
    const card = JSON.parse(selfNormalization!);
    return Number.isFinite(card.mean) && typeof card.safe === "boolean" ? card : undefined;
  } catch {
    return undefined;
  }
}

/** The validation result in a model file; undefined if it is missing or the file is damaged. */
export function readValidation(file: ByteSource, fileName: string): SavedValidation | undefined {
  try {
    const { kind, measure } = JSON.parse(decodeHeader(file, fileName).metadata["validation"]!);
    const isKnown = (kind === "ppl" || kind === "loss") && typeof measure === "number";
    return isKnown ? { kind, measure } : undefined;
  } catch {
    return undefined; // loading it would report the reason
  }
}

/** Describes the first value of a tensor that is not finite, with its row; undefined if all are. */
export function nonFinite(numbers: Float32Array, shape: readonly number[]): string | undefined {
  const at = numbers.findIndex((x) => !Number.isFinite(x));
  if (at < 0) return undefined;
  return `${numbers[at]} at row ${Math.floor(at / product(shape.slice(1)))}`;
}

function parseText(metadata: Readonly<Record<string, string>>, name: string, fail: Fail): unknown {
  const text = metadata[name];
  if (text === undefined) return fail(`its ${name} are missing`);
  try {
    return JSON.parse(text);
  } catch {
    return fail(`its ${name} are not JSON`);
  }
}

/** Makes the vocabulary from a file's words and counts. */
export function readVocabulary(words: unknown, counts: unknown, fail: Fail): Vocabulary {
  try {
    return Vocabulary.from(words, counts);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return fail(error.message);
  }
}

/** Checks that the tensors are those of the model. */
export function checkPlaces(
  places: ReadonlyMap<string, Place>,
  shapes: Iterable<NamedShape>,
  fail: Fail,
): void {
  const expected = new Set<string>();
  for (const [name, shape] of shapes) {
    const place = places.get(name);
    if (place === undefined) return fail(`it has no ${name}`);
    if (place.shape.join() !== shape.join()) {
      fail(`${name} is [${place.shape}], expected [${shape}]`);
    }
    expected.add(name);
  }
  const foreign = [...places.keys()].find((name) => !expected.has(name));
  if (foreign !== undefined) fail(`its tensor ${foreign} belongs to no such model`);
}

/** Checks that every parameter but tables with a row for each of `words` words has at most `maxBytes`. */
function checkSizes(
  shapes: Iterable<NamedShape>,
  words: number,
  maxBytes: number,
  fail: Fail,
): void {
  for (const [name, shape] of shapes) {
    const bytes = 4 * product(shape);
    if (shape[0] === words || bytes <= maxBytes) continue;
    fail(`${name} [${shape}] has ${bytes} bytes, and this device binds at most ${maxBytes}`);
  }
}
