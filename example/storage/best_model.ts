/** The best model of a run: on disk, and in memory where it cannot be written. */

import type { Gpu } from "../../mod.ts";
import { restoreModel, saveModel } from "./checkpoint.ts";
import { Failure } from "../shared/errors.ts";
import { openBytes } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import type { WordModel } from "../model/model.ts";
import { readValidation, type SavedBeside, type SavedValidation } from "./model_file.ts";
import { formatLoss, formatPerplexity } from "../shared/progress.ts";

/** Keeps the parameters that did best in validation. */
export class BestModel {
  /** The file. */
  readonly path: string;
  /** Epoch of the best model so far, from 1; 0 if there is none. */
  epoch = 0;
  readonly #gpu: Gpu;
  readonly #model: WordModel;
  readonly #io: Io;
  /** Of the model that stood in the file before. */
  readonly #before: SavedValidation | undefined;
  #best: SavedValidation = { kind: "ppl", measure: Infinity };
  /** What identifies the file. */
  #written = "";
  /** What could not be written, with why. */
  #unsaved: { values: Float32Array[]; beside: SavedBeside; reason: Failure } | undefined;

  /** Nothing is kept at first; that a model is there already is told. */
  constructor(gpu: Gpu, model: WordModel, path: string, io: Io) {
    this.#gpu = gpu;
    this.#model = model;
    this.#io = io;
    this.path = path;
    this.#before = this.#tellOfBefore();
  }

  /** Whether anything is kept. */
  get exists(): boolean {
    return this.epoch > 0;
  }

  /** The best model so far in words. */
  get description(): string {
    return `${this.path}, the best, of epoch ${this.epoch} (valid ${inWords(this.#best)})`;
  }

  /** Whether a model of this validation would be better than what is kept. */
  isBetter({ measure }: SavedValidation): boolean {
    return measure < this.#best.measure;
  }

  /** Keeps the model as it is; says whether it is on disk. */
  async keep(
    epoch: number,
    validation: SavedValidation,
    others: Omit<SavedBeside, "validation">,
  ): Promise<boolean> {
    const { kind, measure } = validation, before = this.exists ? undefined : this.#before;
    const beside: SavedBeside = { ...others, validation: { kind, measure } };
    this.epoch = epoch;
    this.#best = validation;
    try {
      this.#written = await saveModel(this.#gpu, this.path, this.#model, beside);
      this.#unsaved = undefined;
      if (before?.kind === kind && before.measure < measure) {
        this.#io.err(
          `warning: the model that was replaced had a better validation: ${inWords(before)}`,
        );
      }
      return true;
    } catch (reason) {
      if (!(reason instanceof Failure)) throw reason;
      const values = [];
      for (const [, parameter] of this.#model.parameters()) {
        values.push(await this.#gpu.readFloats(parameter));
      }
      this.#unsaved = { values, beside, reason };
      this.#io.err(`warning: ${reason.message}; training goes on with the model in memory`);
      return false;
    }
  }

  /**
   * Gives the model the best parameters.
   *
   * @throws {Failure} If the file is not the one that was written.
   */
  restore(): void {
    const { values } = this.#unsaved ?? {};
    if (!values) return restoreModel(this.#gpu, this.path, this.#model, this.#written);
    this.#model.parameters().forEach(([, parameter], i) => this.#gpu.write(parameter, values[i]!));
  }

  /**
   * Tries once more to write what could not be written. The model must hold the best parameters.
   *
   * @throws {Failure} If it still cannot.
   */
  async settle(): Promise<void> {
    if (!this.#unsaved) return;
    await saveModel(this.#gpu, this.path, this.#model, this.#unsaved.beside);
    this.#unsaved = undefined;
    this.#io.out(`saved       ${this.path}, which could not be written before`);
  }

  #tellOfBefore(): SavedValidation | undefined {
    try {
      using file = openBytes(this.path);
      const before = readValidation(file, this.path);
      const validation = before === undefined ? "" : ` (valid ${inWords(before)})`;
      this.#io.out(`replaces    ${this.path}${validation}, when the first epoch is done`);
      return before;
    } catch (error) {
      if (error instanceof Failure) return undefined; // the usual case: there is none
      throw error;
    }
  }
}

function inWords({ kind, measure }: SavedValidation): string {
  return kind === "ppl" ? `ppl ${formatPerplexity(measure)}` : formatLoss(measure, false);
}
