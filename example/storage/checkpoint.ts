/** Checkpoints: everything needed to resume a run exactly, in one safetensors file. */

import { createHash } from "node:crypto";
import { isTuning, type Tuning } from "../../kernels/mod.ts";
import type { Gpu } from "../../mod.ts";
import type { NamedParameter, OptimizerHeader } from "../../nce/nn/mod.ts";
import type { RawFigures } from "../evaluation/card.ts";
import type { LossSum } from "../evaluation/losses.ts";
import { type Fail, Failure, UsageError } from "../shared/errors.ts";
import { AtomicFile, byteView, openIfThere } from "../shared/files.ts";
import type { Corpus } from "../data/corpus.ts";
import { isRecord } from "../shared/json.ts";
import { laterSettings } from "../options/option.ts";
import { OPTIONS, type Settings } from "../options/options.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { changedOption } from "../options/unchanged.ts";
import { configPathOfRun } from "./beside_model.ts";
import { cannotLoad, decodeHeader, encodeHeader, metadataOf } from "./safetensors.ts";
import {
  floatsOf,
  type NumberSource,
  readFloats,
  type ReadRange,
  readRows,
  wholeShape,
} from "./tensors.ts";
import { LargeText } from "../data/large_text.ts";
import {
  CARD,
  CHECKPOINT_KIND,
  isCheckpoint,
  type SavedValidation,
  VALIDATION,
} from "./model_file.ts";
import {
  fields,
  list,
  NUMBER,
  oneOf,
  optionalField,
  parseAs,
  record,
  simple,
  TEXT,
} from "./saved_json.ts";

/** Advice if the checkpoint does not suit the run. */
const ANEW = "leave out --resume to start anew";

/** Maximum bytes of tensors that are read together. */
const READ_BYTES = 2 ** 24;

/** Progress of training. */
export interface Position {
  /** The epoch, from 1; one more than the last when all are done. */
  readonly epoch: number;
  /** Batches of the epoch that are done. */
  readonly batch: number;
  /** Training steps of all epochs. */
  readonly step: number;
  /** Learning rate. */
  readonly lr: number;
  /** Sum of losses and number of tokens in the epoch that were already reported. */
  readonly reported: { readonly sum: number; readonly tokens: number };
  /** Losses that were not reported yet. */
  readonly unreported: LossSum;
  /** Noise samples that equalled their target since the last report, and the number of samples. */
  readonly hits: { readonly hits: number; readonly samples: number };
}

/** Whether the seed determines all tensors at this place, so that none is saved. */
export function isInitial(
  { start }: Pick<Settings, "start">,
  { step }: Pick<Position, "step">,
): boolean {
  return step === 0 && start === null;
}

/** The best model so far, which has its own file. */
export interface SavedBest {
  /** The epoch, from 1; 0 if none was completed, which no checkpoint has. */
  readonly epoch: number;
  readonly validation: SavedValidation;
  readonly card?: RawFigures;
  /** SHA-256 of the file. */
  readonly sha256: string;
}

/** Data of a checkpoint, besides tensors and text. */
export interface RunState {
  readonly position: Position;
  /** The optimizer's state but for the numbers, which are the file's tensors; before the first step there are none. */
  readonly optimizer: OptimizerHeader;
  /** The kernels' variants, which the bits of all that follows depend on; absent if they were the fixed ones. */
  readonly tuning?: Tuning;
  /** Absent before the first one. */
  readonly best?: SavedBest;
  /** Bytes of the record; absent if it could not be written. */
  readonly recorded?: number;
}

/** The shapes of a checkpoint's JSON. A setting is compared, whatever it is. */
const STATE = record<RunState>({
  position: record<Position>({
    epoch: NUMBER,
    batch: NUMBER,
    step: NUMBER,
    lr: NUMBER,
    reported: record({ sum: NUMBER, tokens: NUMBER }),
    unreported: record({ sum: NUMBER, tokens: NUMBER, batches: NUMBER, firstBad: NUMBER }),
    hits: record({ hits: NUMBER, samples: NUMBER }),
  }),
  optimizer: record<OptimizerHeader>({
    kind: TEXT,
    lr: NUMBER,
    counts: fields(list(NUMBER)),
    tensors: fields(record({ shape: list(NUMBER), dtype: oneOf("f32", "f16", "u32") })),
  }),
  tuning: optionalField(simple<Tuning>("a tuning", isTuning)),
  best: optionalField(
    record<SavedBest>({
      epoch: NUMBER,
      validation: VALIDATION,
      card: optionalField(CARD),
      sha256: TEXT,
    }),
  ),
  recorded: optionalField(NUMBER),
});
const HASHES = record<Hashes>({ memory: TEXT, vocabulary: TEXT, text: TEXT });
const SETTINGS = simple<Readonly<Record<string, unknown>>>("a JSON object", isRecord);

/** An open checkpoint. */
export interface Checkpoint extends Disposable {
  readonly state: RunState;
  /** Names and shapes of the tensors. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Refuses the file: throws a Failure. */
  readonly fail: Fail;
  /** The numbers of one of them; throws a Failure if it is not there in this shape. */
  numbers(name: string, shape: readonly number[]): NumberSource;
  /** Throws a Failure unless the hashes match the text and the words that the run was trained on. */
  expectText(hashes: Hashes): void;
}

/** The parts of a text that training depends on. */
type Text = Pick<Corpus, "vocabulary" | "train" | "valid">;

/** Path of the checkpoint of the model called `save`. */
export function checkpointPath(save: string): string {
  return `${MODEL_FOLDER}/${save}.checkpoint.safetensors`;
}

/** SHA-256 of a text's words and of its ids, and the memory that its windows have; all if it fits. */
export type Hashes = Readonly<Record<"memory" | "vocabulary" | "text", string>>;

/** The hashes of the training and the validation text. */
export function hashesOf({ vocabulary: { table, counts }, train, valid }: Text): Hashes {
  const text = createHash("sha256"), isLarge = train instanceof LargeText;
  if (isLarge) text.update(train.hash);
  else text.update(train.ids).update(train.offsets);
  text.update(valid.ids).update(valid.offsets);
  return {
    memory: isLarge ? String(train.memory / 1e9) : "all",
    vocabulary: createHash("sha256").update(table.joined).update(counts).digest("hex"),
    text: text.digest("hex"),
  };
}

/** The part that is the same in every checkpoint of a run. */
export interface RunTexts {
  readonly settings: Settings;
  readonly hashes: Hashes;
}

/**
 * Writes a checkpoint atomically, some rows of a large tensor at a time; ids are written as floats.
 *
 * @param read Reads tables that are divided among ranks.
 * @throws {Failure} If it cannot be written; an existing one is kept.
 */
export async function writeCheckpoint(
  gpu: Gpu,
  { settings, hashes }: RunTexts,
  state: RunState,
  tensors: readonly NamedParameter[],
  read?: ReadRange,
): Promise<void> {
  using file = new AtomicFile(checkpointPath(settings.save));
  file.write(encodeHeader(tensors.map(([name, tensor]) => [name, wholeShape(tensor)]), {
    kind: CHECKPOINT_KIND,
    state: JSON.stringify(state),
    settings: JSON.stringify(settings),
    hashes: JSON.stringify(hashes),
  }));
  const write = (numbers: Float32Array) => file.write(byteView(numbers));
  for (const some of together(tensors)) {
    const [[, first] = []] = some;
    if (some.length === 1) await readRows(gpu, first!, write, read);
    else (await Promise.all(some.map(([, tensor]) => readFloats(gpu, tensor)))).forEach(write);
  }
  file.commit();
}

/** Reads tensors in order, small ones together (or none), since every read waits for the GPU; a shard is alone. */
function* together(tensors: readonly NamedParameter[]): Generator<readonly NamedParameter[]> {
  let some: NamedParameter[] = [], bytes = 0;
  for (const entry of tensors) {
    const [, tensor] = entry;
    const size = tensor.shard ? READ_BYTES : tensor.bytes;
    if (bytes + size > READ_BYTES) yield some, some = [], bytes = 0;
    some.push(entry);
    bytes += size;
  }
  yield some;
}

/**
 * Opens the checkpoint that a run with these settings resumes; undefined if there is none.
 *
 * @throws {UsageError} If a fixed option differs.
 * @throws {Failure} If it is damaged.
 */
export function openCheckpoint(settings: Settings): Checkpoint | undefined {
  const path = checkpointPath(settings.save), file = openIfThere(path);
  if (file === undefined) return undefined;
  using opened = new DisposableStack();
  opened.use(file);
  const fail: Fail = (why) => cannotLoad(file.name)(`${why}; restore it, or ${ANEW}`);
  const metadata = metadataOf(file);
  if (!isCheckpoint(metadata)) fail("it is no checkpoint of this program");
  const { places } = decodeHeader(file);
  const saved = parseAs(metadata, "settings", SETTINGS, fail);
  const before = { ...laterSettings(OPTIONS), ...saved } as unknown as Settings;
  const missing = Object.keys(settings).find((name) => !Object.hasOwn(before, name));
  if (missing !== undefined) fail(`its setting ${missing} is missing`);
  const state = parseAs(metadata, "state", STATE, fail);
  const changed = changedOption(settings, before);
  if (changed !== undefined) {
    throw new UsageError(
      `Cannot resume ${path} ${changed}: give what it was begun with (--config ` +
        `${configPathOfRun(settings.save, state.best !== undefined)}), or ${ANEW}`,
    );
  }
  const hashes = parseAs(metadata, "hashes", HASHES, fail);
  const disposable = opened.move();
  return {
    state,
    fail,
    shapes: new Map([...places].map(([name, { shape }]) => [name, shape])),
    numbers(name, shape) {
      const place = places.get(name);
      if (place?.shape.join() === shape.join()) return floatsOf(file, place!);
      return fail(`${name} is ${place ? `[${place.shape}]` : "missing"}, expected [${shape}]`);
    },
    expectText(wanted) {
      if (hashes.memory !== wanted.memory) {
        const cure = hashes.memory === "all" ? "a larger one" : hashes.memory;
        throw new Failure(
          `Cannot resume ${path}: the text was in other windows: give --corpus-memory ${cure}, or ${ANEW}`,
        );
      }
      const words = settings.start === null ? "" : `, with the words of --start ${settings.start},`;
      for (const name of ["vocabulary", "text"] as const) {
        if (hashes[name] === wanted[name]) continue;
        const what = name === "vocabulary" ? name + words : name;
        throw new Failure(
          `Cannot resume ${path}: the ${what} changed since it was written: restore it, or ${ANEW}`,
        );
      }
    },
    [Symbol.dispose]: () => disposable.dispose(),
  };
}
