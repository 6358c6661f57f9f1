/** The best model of a run: on disk, and in memory where it cannot be written. */

import type { Gpu } from "../mod.ts";
import { restoreModel, saveModel } from "./checkpoint.ts";
import { Failure } from "./errors.ts";
import type { Io } from "./io.ts";
import type { WordModel } from "./model.ts";
import type { SavedBeside } from "./model_file.ts";

/** Keeps the parameters that did best in validation. */
export class BestModel {
  /** The file. */
  readonly path: string;
  /** The best measure so far; smaller is better. */
  measure = Infinity;
  readonly #gpu: Gpu;
  readonly #model: WordModel;
  readonly #io: Io;
  /** What identifies the file. */
  #written = "";
  /** What could not be written, with why. */
  #unsaved: { values: Float32Array[]; beside: SavedBeside; reason: Failure } | undefined;

  /** Nothing is kept at first. */
  constructor(gpu: Gpu, model: WordModel, path: string, io: Io) {
    this.#gpu = gpu;
    this.#model = model;
    this.#io = io;
    this.path = path;
  }

  /** Whether anything is kept. */
  get exists(): boolean {
    return this.measure < Infinity;
  }

  /** Keeps the model as it is; says whether it is on disk. */
  async keep(measure: number, beside: SavedBeside): Promise<boolean> {
    this.measure = measure;
    try {
      this.#written = await saveModel(this.#gpu, this.path, this.#model, beside);
      this.#unsaved = undefined;
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
}
