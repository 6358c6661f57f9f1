/**
 * Models for PyTorch: a safetensors file with the names and shapes of Pytorch-NCE, and a JSON file with the
 * words and their counts. docs/pytorch.md shows both.
 */

import { Vocabulary } from "../data/vocab.ts";
import { type NamedShape, parameterShapes, type SizeSettings } from "../model/shapes.ts";
import type { ModelSettings } from "../options/options.ts";
import { type Fail, Failure } from "../shared/errors.ts";
import {
  AtomicFile,
  type ByteSource,
  byteView,
  openBytes,
  writeFileAtomically,
} from "../shared/files.ts";
import { isRecord, parsedJson } from "../shared/json.ts";
import {
  checkPlaces,
  finiteFloats,
  isCheckpoint,
  isModel,
  type ModelFile,
  NO_MODEL,
} from "./model_file.ts";
import { keptSettings } from "./model_settings.ts";
import {
  cannotLoad,
  decodeHeader,
  encodeHeader,
  metadataOf,
  type TensorPlace,
} from "./safetensors.ts";
import { readVocabulary } from "./saved_vocabulary.ts";
import { type NumberSource, readInParts } from "./tensors.ts";

/** Prefix of the criterion in Pytorch-NCE's names. An IndexGRU is such a criterion; here it is a whole model. */
const CRITERION = "criterion.";
/** The tables of words of a model with an LSTM: where they are tied, PyTorch has one under both names. */
const EMBEDDING = "encoder.weight", OUTPUT = "criterion.emb.weight";
/** Buffers of the Pytorch-NCE criterion, which are not parameters. */
const NOISE = "logprob_noise", ALIAS = ["alias.prob", "alias.alias"];
/** What PyTorch's reader of safetensors wants to be told of the format. */
const FORMAT = "pt";
/** The first bytes of a vocabulary file. */
const WORDS_BEGIN = '{"words":[';

/** Content of a PyTorch file, without the words. */
export interface PytorchModel {
  /** V, the number of words. */
  readonly numWords: number;
  readonly sizes: Omit<SizeSettings, "normTerm">;
  /** The settings that {@linkcode writePytorch} left in the file; not checked. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** By the names of {@linkcode parameterShapes}, all numbers finite. */
  readonly parameters: ModelFile["parameters"];
  /** [V] Log probabilities of the noise, in a file of Pytorch-NCE. */
  readonly logNoise?: NumberSource;
}

/** Path of the vocabulary file that belongs to the model at `path`. */
export function vocabularyPath(path: string): string {
  return path.replace(/(\.safetensors)?$/, ".json");
}

/**
 * Writes a model for PyTorch to `path`, and its vocabulary to {@linkcode vocabularyPath}. A learned norm
 * term, which Pytorch-NCE lacks, becomes a setting; a tied table has both of its names.
 *
 * @throws {Failure} If a file cannot be written.
 */
export function writePytorch(path: string, model: ModelFile): void {
  const { vocabulary, parameters } = model, settings = withFixedNorm(model);
  const shapes = [...parameterShapes({ ...settings, tied: false }, vocabulary.size)];
  const prefix = settings.indexModule === "gru" ? CRITERION : "";
  const named = shapes.map(([name, shape]): NamedShape => [prefix + name, shape]);
  writeFileAtomically(vocabularyPath(path), jsonOf(vocabulary));
  using file = new AtomicFile(path);
  file.write(encodeHeader(named, { format: FORMAT, settings: JSON.stringify(settings) }));
  for (const [name] of shapes) {
    const source = parameters.get(name) ?? parameters.get(OUTPUT)!;
    for (const [, numbers] of readInParts(source)) file.write(byteView(numbers));
  }
  file.commit();
}

/** Whether a header with these texts is of a file of {@linkcode writePytorch}: PyTorch's own have no settings. */
export function isExport({ format, settings }: Readonly<Record<string, string>>): boolean {
  return format === FORMAT && settings !== undefined;
}

/** Whether a vocabulary file of {@linkcode writePytorch} begins so. */
export function isExportedVocabulary(text: string): boolean {
  return text.startsWith(WORDS_BEGIN);
}

/** `{"words": [...], "counts": [...]}` in parts. */
function* jsonOf({ table, counts }: Vocabulary): Generator<string> {
  yield WORDS_BEGIN;
  for (let id = 0; id < table.size; id++) {
    yield `${id > 0 ? "," : ""}${JSON.stringify(table.text(id))}`;
  }
  yield '],"counts":[';
  for (const [id, count] of counts.entries()) yield `${id > 0 ? "," : ""}${count}`;
  yield "]}\n";
}

/** The settings, with a learned norm term replaced by its value. */
function withFixedNorm({ settings, parameters }: ModelFile): ModelSettings {
  const learned = parameters.get("criterion.norm_term") ?? parameters.get("norm_term");
  return keptSettings(
    learned === undefined ? settings : { ...settings, normTerm: learned.read(0, 1)[0]! },
  );
}

/**
 * Reads a model that {@linkcode writePytorch} wrote, or a state_dict of Pytorch-NCE's model. It is tied if its
 * two tables are equal, as no two that were trained apart are.
 *
 * @param file The file, which must stay open while the parameters are in use.
 * @throws {Failure} One line, `Cannot load PATH: ...`, if it is neither, or is damaged.
 */
export function readPytorch(file: ByteSource): PytorchModel {
  const fail = cannotLoad(file.name);
  const { places: all, metadata } = decodeHeader(
    file,
    (name) => ALIAS.some((end) => name.endsWith(end)) ? undefined : "F32", // also behind a prefix
  );
  const isGru = [...all.keys()].some((name) => part(name) === "encoder.0.weight");
  const places = new Map([...all].map(([name, place]) => [isGru ? part(name) : name, place]));
  const noise = [...places].find(([name]) => part(name) === NOISE);
  for (const [name, kept] of [[EMBEDDING, OUTPUT], [OUTPUT, EMBEDDING]] as const) {
    // The package safetensors writes a tensor with two names once, and notes which name it left out.
    const place = metadata[name] === kept ? places.get(kept) : undefined;
    if (place && !places.has(name)) places.set(name, place);
  }
  for (const name of places.keys()) if ([NOISE, ...ALIAS].includes(part(name))) places.delete(name);
  const sizes = sizesOf(places, isGru, fail), numWords = encoderOf(places, fail).shape[0] ?? 0;
  checkPlaces(places, parameterShapes({ ...sizes, tied: false, normTerm: 0 }, numWords), fail);
  const read = ([name, place]: readonly [string, TensorPlace]) =>
    finiteFloats(file, name, place, fail);
  const parameters = new Map([...places].map((entry) => [entry[0], read(entry)]));
  const tied = !isGru && areEqual(parameters.get(EMBEDDING)!, parameters.get(OUTPUT)!);
  if (tied) parameters.delete(EMBEDDING);
  return {
    numWords,
    sizes: { ...sizes, tied },
    settings: settingsOf(metadata, fail),
    parameters,
    ...(noise && { logNoise: read(noise) }),
  };
}

/** Throws a Failure unless the file is a safetensors file of another program, or an export. */
export function expectForeign(file: ByteSource): void {
  const fail = cannotLoad(file.name), metadata = metadataOf(file);
  if (isModel(metadata)) fail("it is a model of this program already: use it as it is");
  if (isCheckpoint(metadata)) fail(NO_MODEL);
}

/** Whether two sources of one size have the same numbers. */
function areEqual(a: NumberSource, b: NumberSource): boolean {
  for (const [at, numbers] of readInParts(a)) {
    const others = b.read(at, at + numbers.length);
    if (numbers.some((x, i) => x !== others[i])) return false;
  }
  return true;
}

/** The name of a tensor within the criterion. */
function part(name: string): string {
  return name.startsWith(CRITERION) ? name.slice(CRITERION.length) : name;
}

function encoderOf(places: ReadonlyMap<string, TensorPlace>, fail: Fail): TensorPlace {
  return places.get(EMBEDDING) ?? places.get("encoder.0.weight") ??
    fail(
      "it is no state_dict of the original's model: it has neither encoder.weight, as one with an " +
        "LSTM, nor encoder.0.weight, as one with a GRU",
    );
}

/** Infers the sizes from the shapes, without checking that they agree. */
function sizesOf(
  places: ReadonlyMap<string, TensorPlace>,
  isGru: boolean,
  fail: Fail,
): Omit<PytorchModel["sizes"], "tied"> {
  const [, emsize = 0] = encoderOf(places, fail).shape;
  const hidden = places.get("rnn.weight_hh_l0") ?? fail("it has no rnn.weight_hh_l0");
  return {
    indexModule: isGru ? "gru" : "linear",
    emsize,
    nhid: hidden.shape[1] ?? 0,
    nlayers: [...places.keys()].filter((name) => /^rnn\.weight_hh_l\d+$/.test(name)).length,
  };
}

function settingsOf({ settings }: Readonly<Record<string, string>>, fail: Fail) {
  const read = settings === undefined ? {} : parsedJson(settings);
  return isRecord(read) ? read : fail("its settings are not a JSON object");
}

/**
 * Reads a vocabulary as {@linkcode writePytorch} writes it: `{"words": [...], "counts": [...]}`.
 *
 * @throws {Failure} One line, `Cannot load PATH: ...`.
 */
export function readPytorchWords(path: string): Vocabulary {
  using file = openBytes(path, "load");
  const fail = cannotLoad(path), decoder = new TextDecoder("utf-8", { fatal: true });
  let read: unknown;
  try {
    read = JSON.parse(decoder.decode(file.read(0, file.size)));
  } catch (error) {
    if (error instanceof Failure) throw error;
    return fail("it is not JSON");
  }
  if (!isRecord(read)) return fail('it is not {"words": [...], "counts": [...]}');
  for (const name of ["words", "counts"]) {
    if (read[name] === undefined) fail(`it has no "${name}", a list with one entry a word`);
  }
  const { words, counts } = read;
  return readVocabulary(() => Vocabulary.from(words, counts), fail);
}

/** Minimum probability of a word in Pytorch-NCE's noise. */
const LEAST = 1e-10;
/** Tolerance between a log probability and the one from the counts: both are rounded. */
const TOLERANCE = 1e-3;

/** The first word whose probability in Pytorch-NCE's noise differs from that of the counts. */
export function foreignNoise(logNoise: NumberSource, { table, counts }: Vocabulary) {
  const total = counts.reduce((a, b) => a + b, 0), found = logNoise.read(0, logNoise.size);
  const foreign = counts.findIndex((count, id) =>
    !(Math.abs(found[id]! - Math.log(Math.max(LEAST, count / total))) < TOLERANCE)
  );
  return foreign < 0 ? undefined : table.text(foreign);
}
