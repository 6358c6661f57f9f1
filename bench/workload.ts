/** Training of the word language model on random text. */

import type { Batch } from "../example/data/row_batch.ts";
import { makeModel } from "../example/model/make_model.ts";
import { Losses } from "../example/evaluation/losses.ts";
import type { WordModel } from "../example/model/model.ts";
import type { Given } from "../example/options/option.ts";
import type { Settings } from "../example/options/options.ts";
import { parseSettings } from "../example/options/settings.ts";
import { Trainer } from "../example/training/trainer.ts";
import { Vocabulary } from "../example/data/vocab.ts";
import { AliasMultinomial, type Gpu, logUniformProbabilities } from "../mod.ts";

/** Number of batches that training cycles through. */
const BATCHES = 32;

/** What to train. */
export interface WorkloadOptions {
  /** V, the number of words. */
  readonly vocabSize: number;
  /** B, the rows of a batch, each of `--bptt` words. */
  readonly rows: number;
  /** Options of main.ts. */
  readonly given: Given;
}

/** Text and noise follow Zipf's law; all rows of a batch are full. */
export class Workload implements Disposable {
  /** The parsed options. */
  readonly settings: Settings;
  /** Predictions in a batch. */
  readonly tokens: number;
  readonly #model: WordModel;
  readonly #trainer: Trainer;
  readonly #losses: Losses;
  readonly #batches: readonly Batch[];
  #steps = 0;

  /** Makes the model, with initial weights, and the text. */
  constructor(gpu: Gpu, { vocabSize, rows, given }: WorkloadOptions) {
    const settings = parseSettings({ train: true, ...given });
    const zipf = logUniformProbabilities(vocabSize);
    this.settings = settings;
    this.#model = makeModel(gpu, settings, vocabularyOf(zipf));
    this.#trainer = new Trainer(gpu, this.#model, settings);
    this.#losses = new Losses(gpu);
    using words = new AliasMultinomial(gpu, zipf);
    const draw = (n: number, number: number) => words.drawOnCpu(n, settings.seed, number);
    this.#batches = Array.from(
      { length: BATCHES },
      (_, i) => fullBatch(draw((settings.bptt + 1) * rows, i), rows),
    );
    this.tokens = settings.bptt * rows;
  }

  /** One training step. */
  async step(): Promise<void> {
    await this.#trainer.step(this.#batches[this.#steps++ % BATCHES]!, this.#losses);
  }

  /** Mean loss since the last call. */
  async loss(): Promise<number> {
    const { sum, tokens } = await this.#losses.take();
    return sum / tokens;
  }

  /** Frees the model and the optimizer. */
  [Symbol.dispose](): void {
    this.#trainer[Symbol.dispose]();
    this.#losses[Symbol.dispose]();
    this.#model.dispose();
  }
}

/** Draws words with these probabilities. */
function vocabularyOf(probabilities: Float64Array): Vocabulary {
  const words = Array.from(probabilities, (_, id) => ["<unk>", "<s>", "</s>"][id] ?? `word${id}`);
  return Vocabulary.from(words, Array.from(probabilities, (p) => Math.round(1e9 * p)));
}

/** A batch of `ids` [T + 1, B]: each row reads all ids but its last and predicts all but its first. */
function fullBatch(ids: Uint32Array, rows: number): Batch {
  const tokens = ids.length - rows;
  return {
    batchSize: rows,
    steps: tokens / rows,
    input: ids.subarray(0, tokens),
    target: ids.subarray(rows),
    mask: new Float32Array(tokens).fill(1),
    resets: new Uint32Array(tokens),
    tokens,
    continues: false,
  };
}
