/** Encodes and decodes model files, without a GPU. */

import type { RawFigures } from "../evaluation/card.ts";
import { type Fail, unlessFailed } from "../shared/errors.ts";
import type { ModelSettings } from "../options/options.ts";
import { keptSettings, readSettings } from "./model_settings.ts";
import {
  cannotLoad,
  decodeHeader,
  type Dtype,
  encodeHeader,
  type Layout,
  metadataOf,
  type TensorEntry,
  type TensorPlace,
} from "./safetensors.ts";
import { floatsOf, type NumberSource, readInParts } from "./tensors.ts";
import { AtomicFile, type ByteSource, byteView } from "../shared/files.ts";
import { type NamedShape, parameterShapes, product } from "../model/shapes.ts";
import type { Vocabulary } from "../data/vocab.ts";
import type { WordTable } from "../data/word_table.ts";
import { NUMBER, oneOf, parseAs, parseText, record, type Shape } from "./saved_json.ts";
import { COUNTS, vocabularyOf, WORDS } from "./saved_vocabulary.ts";

/** Identify a model file and a checkpoint in their headers. */
const KIND = "nce word language model";
export const CHECKPOINT_KIND = "nce checkpoint";
/** What is wrong with a checkpoint where a model is wanted. */
export const NO_MODEL = "it is a checkpoint, from which --train --resume goes on, and no model";

/** Quality of a saved model. */
export interface SavedValidation {
  /** Its perplexity, over all words or the known ones, or its loss if it has none. */
  readonly kind: "ppl" | "known ppl" | "loss";
  readonly measure: number;
}

/** The shape of the JSON of one. */
export const VALIDATION: Shape<SavedValidation> = record<SavedValidation>({
  kind: oneOf("ppl", "known ppl", "loss"),
  measure: NUMBER,
});

/** The shape of the JSON of those figures of a card that a saved one is read for. */
export const CARD: Shape<RawFigures> = record<RawFigures>({
  mean: NUMBER,
  std: NUMBER,
  normTerm: NUMBER,
  rawPplBest: NUMBER,
});

/** What the header of a model file tells without its words. */
export interface ModelOutline {
  readonly settings: ModelSettings;
  /** Number of words. */
  readonly words: number;
}

/** The header of a model file. */
export interface ModelHeader {
  readonly vocabulary: Vocabulary;
  readonly settings: ModelSettings;
  /** Self-normalisation of the model, if its last validation measured it. */
  readonly card?: RawFigures;
}

/** Data of a model file, besides the parameters. */
export interface SavedBeside extends ModelHeader {
  /** The validation result: models are compared by `measure`, smaller is better. */
  readonly validation?: SavedValidation;
  /** Whether its run had completed no epoch: then its checkpoint has the same parameters, and no run keeps it. */
  readonly unfinished?: boolean;
}

/** The full content of a model file. */
export interface ModelFile extends ModelHeader {
  /** The values of each parameter by name, all finite. */
  readonly parameters: ReadonlyMap<string, NumberSource>;
}

/** The parts of a model file around its parameters, which are in the order of {@linkcode parameterShapes}. */
export function encodeModel(
  { vocabulary, settings, validation, unfinished, card }: SavedBeside,
): { before: readonly Uint8Array[]; after: Uint8Array } {
  const { table: { joined }, counts, size } = vocabulary;
  const tensors: TensorEntry[] = [
    [COUNTS, [size], "F64"],
    ...parameterShapes(settings, size),
    [WORDS, [joined.length], "U8"],
  ];
  const header = encodeHeader(tensors, {
    kind: KIND,
    settings: JSON.stringify(keptSettings(settings)),
    ...(validation && { validation: JSON.stringify(validation) }),
    ...(unfinished && { unfinished: "true" }),
    ...(card && { selfNormalization: JSON.stringify(card) }),
  });
  return { before: [header, byteView(counts)], after: joined };
}

/** Whether a header with these texts belongs to a model file, valid or not. */
export function isModel({ kind }: Readonly<Record<string, string>>): boolean {
  return kind === KIND;
}

/** Whether a header with these texts belongs to a checkpoint, valid or not. */
export function isCheckpoint({ kind }: Readonly<Record<string, string>>): boolean {
  return kind === CHECKPOINT_KIND;
}

/**
 * Writes a model file atomically from values that are read some at a time.
 *
 * @throws {Failure} If the file cannot be written.
 */
export function writeModelFile(
  path: string,
  { vocabulary, settings, parameters }: ModelFile,
): void {
  const { before, after } = encodeModel({ vocabulary, settings });
  using file = new AtomicFile(path);
  for (const bytes of before) file.write(bytes);
  for (const [name] of parameterShapes(settings, vocabulary.size)) {
    for (const [, numbers] of readInParts(parameters.get(name)!)) file.write(byteView(numbers));
  }
  file.write(after);
  file.commit();
}

/**
 * Reads and checks a model file. The whole header is checked before anything else is read, so that a damaged
 * file cannot cause large allocations, and of the parameters only some numbers are held at a time.
 *
 * @param file The file, which must stay open while the parameters are in use.
 * @param maxBytes The most bytes that the device takes for a parameter that is no table of words.
 * @param known The vocabulary that was read from this file before, which is then not held twice; or its words, if
 *   the counts may be others.
 * @throws {Failure} One line, `Cannot load NAME: ...`, if anything is missing, damaged, excessive or unknown,
 *   or if the vocabulary is not the known one.
 */
export function decodeModel(
  file: ByteSource,
  maxBytes = Infinity,
  known?: Vocabulary | WordTable,
): ModelFile {
  const fail = cannotLoad(file.name);
  const { places, ...header } = decodeModelHeader(file, maxBytes, known);
  const parameters = new Map<string, NumberSource>();
  for (const [name, place] of places) parameters.set(name, finiteFloats(file, name, place, fail));
  return { ...header, parameters };
}

/** Reads and checks the header, with the parameters' positions; throws as {@linkcode decodeModel}. */
export function decodeModelHeader(
  file: ByteSource,
  maxBytes = Infinity,
  known?: Vocabulary | WordTable,
): ModelHeader & { places: ReadonlyMap<string, TensorPlace> } {
  const fail = cannotLoad(file.name), { layout, settings } = decodeLayout(file, fail);
  const vocabulary = vocabularyOf(file, layout, fail, known);
  const places = parameterPlaces(layout, { settings, words: vocabulary.size }, fail);
  checkParameterSizes(parameterShapes(settings, vocabulary.size), vocabulary.size, maxBytes, fail);
  const card = unlessFailed(() => parseAs(layout.metadata, "selfNormalization", CARD, fail));
  return { vocabulary, settings, places, ...(card && { card }) };
}

/** Reads and checks the header, but none of the words; throws as {@linkcode decodeModel}. */
export function decodeOutline(file: ByteSource): ModelOutline {
  const fail = cannotLoad(file.name), { layout, settings } = decodeLayout(file, fail);
  const counts = layout.places.get(COUNTS);
  if (counts === undefined) return fail("its counts are missing");
  const outline = { settings, words: product(counts.shape) };
  parameterPlaces(layout, outline, fail);
  return outline;
}

/** What is where in a model file, and its settings. */
function decodeLayout(
  file: ByteSource,
  fail: Fail,
): { layout: Layout; settings: ModelSettings } {
  const metadata = metadataOf(file); // first, as the tensors of another program may have other dtypes
  if (isCheckpoint(metadata)) return fail(NO_MODEL);
  if (!isModel(metadata)) {
    return fail("it is not a word language model of this program; import takes one of PyTorch");
  }
  const settings = readSettings(parseText(metadata, "settings", fail), fail);
  return { layout: decodeHeader(file, dtypeOf), settings };
}

/** The places of the parameters, which must be those of such a model. */
function parameterPlaces(
  { places }: Layout,
  { settings, words }: ModelOutline,
  fail: Fail,
): ReadonlyMap<string, TensorPlace> {
  const parameters = new Map([...places].filter(([name]) => dtypeOf(name) === "F32"));
  checkPlaces(parameters, parameterShapes(settings, words), fail);
  return parameters;
}

function dtypeOf(name: string): Dtype {
  return name === WORDS ? "U8" : name === COUNTS ? "F64" : "F32";
}

/** The validation result in a model file; throws a Failure if it is missing or the file is damaged. */
export function readValidation(file: ByteSource): SavedValidation {
  return parseAs(metadataOf(file), "validation", VALIDATION, cannotLoad(file.name));
}

/** Whether a model file is of a run that had completed no epoch; throws a Failure if it is damaged. */
export function isUnfinished(file: ByteSource): boolean {
  return metadataOf(file)["unfinished"] === "true";
}

/** The numbers of a tensor, all of which are read once to see that they are finite. */
export function finiteFloats(
  file: ByteSource,
  name: string,
  place: TensorPlace,
  fail: Fail,
): NumberSource {
  const source = floatsOf(file, place);
  for (const [at, numbers] of readInParts(source)) {
    const flaw = nonFinite(numbers, at, place.shape);
    if (flaw !== undefined) fail(`${name} has ${flaw}`);
  }
  return source;
}

/**
 * Describes the first of some numbers that is not finite, with its row; undefined if all are.
 *
 * @param at The place of the first of them in the tensor.
 */
export function nonFinite(
  numbers: Float32Array,
  at: number,
  shape: readonly number[],
): string | undefined {
  const bad = numbers.findIndex((x) => !Number.isFinite(x));
  if (bad < 0) return undefined;
  return `${numbers[bad]} at row ${Math.floor((at + bad) / product(shape.slice(1)))}`;
}

/** Checks that the tensors are those of the model. */
export function checkPlaces(
  places: ReadonlyMap<string, TensorPlace>,
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
function checkParameterSizes(
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
