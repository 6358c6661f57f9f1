/** The best model of a run: on disk, and in memory where it cannot be written. */

import type { Gpu } from "../../mod.ts";
import { ALONE, type Communicator } from "../../kernels/mod.ts";
import { keepPrevious, takeWaiting } from "./beside_model.ts";
import { hashOfFile, restoreModel, writeModel } from "./saved_model.ts";
import type { SavedBest } from "./checkpoint.ts";
import { Failure, unlessFailed } from "../shared/errors.ts";
import { AtomicFile, isFile, openBytes } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import type { WordModel } from "../model/model.ts";
import {
  isUnfinished,
  readValidation,
  type SavedBeside,
  type SavedValidation,
} from "./model_file.ts";
import { modelPath } from "./open_model.ts";
import { formatLoss, formatPerplexity, labelled } from "../shared/format.ts";
import { spread } from "./shards.ts";
import type { ReadRange } from "./tensors.ts";

/** The file's other content, the same for every epoch. */
type BesideAll = Pick<SavedBeside, "vocabulary" | "settings">;

/** Keeps the parameters that did best in validation. */
export class BestModel {
  /** The file. */
  readonly path: string;
  /** Backup path of a previous model. */
  readonly previous: string;
  readonly #name: string;
  readonly #gpu: Gpu;
  readonly #model: WordModel;
  readonly #beside: BesideAll;
  readonly #io: Io;
  readonly #communicator: Communicator;
  #best: SavedBest | undefined;
  /** Whether this run wrote the file. */
  #isOurs = false;
  /** The parameters, if they could not be written. */
  #unsaved: readonly Float32Array[] | undefined;

  /**
   * Starts empty, or from a checkpoint's data.
   *
   * @param save Name of the model, as in `Settings.save`.
   * @param communicator The ranks that train together; rank 0 writes and reads the file.
   */
  constructor(
    gpu: Gpu,
    model: WordModel,
    save: string,
    beside: BesideAll,
    io: Io,
    communicator: Communicator = ALONE,
  ) {
    this.#name = save;
    this.#communicator = communicator;
    this.#gpu = gpu;
    this.#model = model;
    this.#beside = beside;
    this.#io = io;
    this.path = modelPath(save);
    this.previous = modelPath(`${save}.previous`);
  }

  /** Whether this process writes and reads the file. */
  get #writes(): boolean {
    return this.#communicator.rank === 0;
  }

  /** The kept model's data, if there is one. */
  get best(): SavedBest | undefined {
    return this.#best;
  }

  /** Whether the kept model is on disk. */
  get saved(): boolean {
    return this.#unsaved === undefined;
  }

  /** Describes the best model so far. */
  get description(): string {
    const { epoch, validation } = this.#best!;
    const which = epoch > 0
      ? `the best, of epoch ${epoch}`
      : "the model as it is, as no epoch was completed";
    const what = `${which} (valid ${inWords(validation)})`;
    return this.saved
      ? `${this.path}, ${what}`
      : `${what}, from memory, as ${this.path} could not be written`;
  }

  /** Whether the file's name is free for a model of no completed epoch: another run's would be worth more. */
  get isFree(): boolean {
    return !isFile(this.path) || isOfNoEpoch(this.path);
  }

  /** Whether a model with this validation result is better than the kept one. */
  isBetter({ measure }: SavedValidation): boolean {
    return measure < (this.#best?.validation.measure ?? Infinity);
  }

  /** Announces that an existing model will be replaced. */
  tellOfBefore(): void {
    if (this.#best !== undefined || !isFile(this.path)) return;
    const validation = this.#validationBefore();
    this.#io.out(
      labelled(
        "replaces",
        `${this.path}${validation ? ` (valid ${inWords(validation)})` : ""} when the first epoch ` +
          `is done${isOfNoEpoch(this.path) ? "" : `, and keeps it as ${this.previous}`}`,
      ),
    );
  }

  /**
   * Keeps the current model; returns whether it is on disk.
   *
   * @param before Is called when the file is written but not yet renamed: with a checkpoint that includes it,
   *   it can be written again.
   * @param read Reads tables that are divided among ranks.
   * @throws {Failure} If the model cannot be written and tables are divided: no rank has room for it in memory.
   */
  async keep(
    found: Omit<SavedBest, "sha256">,
    before: () => Promise<void>,
    read?: ReadRange,
  ): Promise<boolean> {
    if (!this.#writes) {
      this.#best = { ...found, sha256: "" };
      return true;
    }
    try {
      await this.#save(found, read, before);
      return true;
    } catch (reason) {
      if (!(reason instanceof Failure) || this.#model.shard) throw reason;
      this.#best = { ...found, sha256: "" };
      this.#unsaved = await Array.fromAsync(
        this.#model.parameters(),
        ([, parameter]) => this.#gpu.readFloats(parameter),
      );
      const next = found.epoch > 0
        ? "training goes on with the model in memory, and without checkpoints until it can be written"
        : "the test takes the model in memory";
      this.#io.err(`warning: ${reason.message}; ${next}`);
      return false;
    }
  }

  /**
   * Continues from a checkpoint's data.
   *
   * @param isCurrent Whether the model now has the best parameters: then a missing file is written.
   * @param read Reads tables that are divided among ranks.
   */
  async resume(
    best: SavedBest | undefined,
    isCurrent: boolean,
    read?: ReadRange,
  ): Promise<void> {
    this.#best = best;
    this.#isOurs = best !== undefined;
    if (!this.#writes || best === undefined || !isCurrent) return;
    if (hashOfFile(this.path) !== best.sha256) await this.#save(best, read);
  }

  /**
   * Gives the model the best parameters, on all ranks.
   *
   * @throws {Failure} If the file is not the one that was written.
   */
  async restore(): Promise<void> {
    const values = this.#unsaved, gpu = this.#gpu, model = this.#model, ranks = this.#communicator;
    if (!values) {
      const { sha256 } = this.#best!, { vocabulary } = this.#beside;
      return await restoreModel(gpu, this.path, model, sha256, vocabulary, ranks);
    }
    for (const [i, [, parameter]] of model.parameters().entries()) {
      const { length: size } = values[i]!;
      const read = (begin: number, end: number) => values[i]!.slice(begin, end);
      await spread(gpu, ranks, parameter, { size, read });
    }
  }

  /**
   * Tries once more to write a model that could not be written.
   *
   * @throws {Failure} If it still cannot.
   */
  async settle(): Promise<void> {
    const values = this.#unsaved;
    if (!values) return;
    const tensors = this.#model.parameters().map(([, tensor]) => tensor);
    await this.#save(this.#best!, (tensor, { first, count }) => {
      const width = tensor.size / tensor.shape[0]!, all = values[tensors.indexOf(tensor)]!;
      return Promise.resolve(all.subarray(first * width, (first + count) * width));
    });
    this.#io.out(labelled("saved", `${this.path}, which could not be written before`));
  }

  /** Writes the model's parameters, which did best as `found` says; `before` is called before the file is renamed. */
  async #save(
    found: Omit<SavedBest, "sha256">,
    read?: ReadRange,
    before: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const { validation: { kind, measure }, card } = found;
    const beside = {
      ...this.#beside,
      validation: { kind, measure },
      unfinished: found.epoch === 0,
      ...(card && { card }),
    };
    using file = new AtomicFile(this.path);
    const sha256 = await writeModel(this.#gpu, file, this.#model, beside, read);
    this.#movePrevious(sha256, { kind, measure });
    this.#best = { ...found, sha256 };
    this.#unsaved = undefined;
    await before();
    file.commit();
    takeWaiting(this.#name);
    this.#isOurs = true;
  }

  /** Moves another run's model out of the way; warns if it was better. */
  #movePrevious(sha256: string, { kind, measure }: SavedValidation): void {
    if (this.#isOurs || this.isFree || hashOfFile(this.path) === sha256) return;
    const before = this.#validationBefore();
    keepPrevious(this.#name);
    if (before?.kind !== kind || before.measure >= measure) return;
    this.#io.err(
      `warning: the model that was replaced had a better validation: ${inWords(before)}`,
    );
  }

  #validationBefore(): SavedValidation | undefined {
    return unlessFailed(() => { // loading it would report the reason
      using file = openBytes(this.path);
      return readValidation(file);
    });
  }
}

/** Whether the file is the model of a run that had completed no epoch. */
export function isOfNoEpoch(path: string): boolean {
  return unlessFailed(() => {
    using file = openBytes(path);
    return isUnfinished(file);
  }) ?? false;
}

function inWords({ kind, measure }: SavedValidation): string {
  if (kind === "loss") return formatLoss(measure, false);
  return `ppl ${formatPerplexity(measure)}${kind === "ppl" ? "" : " without unknown words"}`;
}
