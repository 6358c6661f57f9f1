/** A word language model that takes the candidate word as input: one more GRU step scores it. */

import { multiply } from "../kernels/elementwise/arithmetic.ts";
import type { TableDType } from "../kernels/device/dtype.ts";
import { expectObject } from "../kernels/device/expect.ts";
import { isInParts } from "../kernels/device/parts.ts";
import { gather } from "../kernels/lookup/gather.ts";
import { gruContexts, gruPairScore } from "../kernels/gru_pair/gru_pair.ts";
import type { GRUContexts, ScoreHead } from "../kernels/gru_pair/gru_pair_kernels.ts";
import { gruTileScorer } from "../kernels/gru_pair/gru_tiles.ts";
import type { TileScorer } from "../kernels/loss/class_tiles.ts";
import type { Gpu } from "../kernels/gpu.ts";
import { linear } from "../kernels/matmul/linear.ts";
import type { RecurrentStart } from "../kernels/recurrent/recurrent.ts";
import { wholeRows } from "../kernels/random/part.ts";
import { RandomStream } from "../kernels/random/stream.ts";
import type { Shard } from "../kernels/device/shard.ts";
import type { Step } from "../kernels/autograd/step.ts";
import { expectStep, expectTensor, type Tensor } from "../kernels/device/tensor.ts";
import { Dropout } from "./nn/dropout.ts";
import { Embedding } from "./nn/embedding.ts";
import { expectRecurrent, GRU } from "./nn/recurrent.ts";
import { Linear } from "./nn/linear.ts";
import { expectOptions, expectTableOf } from "./nn/module.ts";
import { expectClasses } from "./noise/noise.ts";
import { inputRows, type Scores } from "./scores.ts";
import { NCELoss } from "./nce_loss.ts";
import { NCE_OPTIONS, type NCEOptions } from "./nce_options.ts";

/** Settings of an {@linkcode IndexGRU}. */
export interface IndexGRUOptions extends NCEOptions {
  /** V, the number of classes. */
  numClasses: number;
  /** E, the size of a class's vector. */
  embeddingDim: number;
  /** H, the size of the recurrent state. */
  hiddenSize: number;
  /** Dropout after the embedding and before the score; 0 unless given. */
  dropout?: number;
  /** Whether the words' vectors are stored as 32-bit floats (unless given) or 16-bit ones, {@linkcode Device.table}. */
  tableDtype?: TableDType;
  /** Seed of the initial values; 0 unless given. */
  seed?: number;
  /** Which of the classes' vectors this rank holds; all unless given. */
  shard?: Shard;
}

/**
 * Scores a candidate y by feeding it to a GRU layer: `s(y) = w . dropout(h') + b`, where h' is the state
 * after the words so far and y. It is a whole language model, with any of the losses of
 * {@linkcode NCELoss}; its input is the words before each target.
 *
 * A candidate's half of the step, `W_ih x + b_ih`, is computed once for all contexts, and a context's half,
 * `W_hh h + b_hh`, once for all candidates; each pair then costs O(H). So all classes can be scored, and the
 * loss can be normalised exactly. Parameters have the names of the original model, Pytorch-NCE.
 *
 * A step that draws V samples or more computes the halves of all classes. The gradient of {@linkcode encoder} is
 * then dense, and the optimizer updates all of its rows in that step.
 *
 * @example
 * ```ts ignore
 * const model = new IndexGRU(gpu, { numClasses, embeddingDim: 200, hiddenSize: 200, noise: counts });
 * using step = gpu.step({ training: true });
 * const loss = model.forward(step, step.upload(targets, [T, B]), step.upload(inputs, [T, B]));
 * ```
 */
export class IndexGRU extends NCELoss<[Tensor]> {
  /** The classes' vectors. */
  readonly encoder: Embedding;
  /** The recurrent layer. */
  readonly rnn: GRU;
  /** From a state to a score. */
  readonly output: Linear;
  readonly #inputDropout: Dropout;
  readonly #targetDropout: Dropout;
  readonly #noiseDropout: Dropout;
  readonly #targetHead: ScoreHead;
  readonly #noiseHead: ScoreHead;

  /**
   * Throws a RangeError or a TypeError if an option is not usable, a layer is too large, or `noise` has not
   * `numClasses` elements; nothing is then left on the GPU.
   */
  constructor(gpu: Gpu, options: IndexGRUOptions) {
    const others = [...NCE_OPTIONS, "dropout", "tableDtype", "seed", "shard"] as const;
    expectOptions("IndexGRU", gpu, options, ["numClasses", "embeddingDim", "hiddenSize"], others);
    const { numClasses, embeddingDim, hiddenSize, dropout = 0, seed = 0, ...more } = options;
    const { tableDtype = "f32", shard, ...loss } = more;
    expectClasses("IndexGRU", loss.noise, numClasses);
    expectTableOf("IndexGRU", gpu, [numClasses, embeddingDim], tableDtype, shard);
    expectRecurrent("IndexGRU", gpu, { inputSize: embeddingDim, hiddenSize, dropout }, 3);
    super(gpu, loss);
    const at = (path: string) => ({ name: this.path(path), seed });
    const sizes = { numEmbeddings: numClasses, embeddingDim, tableDtype, ...(shard && { shard }) };
    this.encoder = this.part(new Embedding(gpu, { ...sizes, ...at("encoder.0") }));
    this.rnn = this.part(new GRU(gpu, { inputSize: embeddingDim, hiddenSize, ...at("rnn") }));
    this.output = this.part(
      new Linear(gpu, { inFeatures: hiddenSize, outFeatures: 1, ...at("scorer.1") }),
    );
    this.#inputDropout = new Dropout(dropout, this.path("input_dropout"));
    this.#targetDropout = new Dropout(dropout, this.path("target_dropout"));
    this.#noiseDropout = new Dropout(dropout, this.path("noise_dropout"));
    const { weight, bias } = this.output;
    const head = (name: string) => {
      return { weight, bias, dropout: { p: dropout, stream: new RandomStream(this.path(name)) } };
    };
    this.#targetHead = head("target_score_dropout");
    this.#noiseHead = head("noise_score_dropout");
  }

  /**
   * The states [T, B, H] after each of the words `input` [T, B], which `forward` takes in place of the words,
   * and the last state [B, H]. They begin at zero, or at the start's state, through which no gradient flows, and again
   * at zero where it resets them.
   */
  context(
    step: Step,
    input: Tensor,
    start: RecurrentStart<Tensor> = {},
  ): { context: Tensor; state: Tensor } {
    expectStep("IndexGRU", step);
    expectObject("run IndexGRU", "start", start, "an object");
    expectTensor("IndexGRU", "input", input);
    if (input.dtype !== "u32" || input.shape.length !== 2) {
      const got = `${input.dtype} [${input.shape}]`;
      throw new TypeError(`Cannot run IndexGRU: input is ${got}, expected ids [T, B]`);
    }
    const embedded = this.#inputDropout.forward(step, this.encoder.forward(step, input));
    const { state, resets } = start, begins = state === undefined ? [] : [state];
    const { output, states } = this.rnn.forward(step, embedded, { states: begins, resets });
    return { context: output, state: states[0]! };
  }

  /**
   * Scores of `target` [N] and `noise` ([K] or [N, K]) after `input`: the words so far [T, B], T B = N,
   * whose first index is time; or their {@linkcode context}.
   */
  override getScore(step: Step, target: Tensor, noise: Tensor, input: Tensor): Scores {
    expectTensor("IndexGRU", "target", target);
    expectTensor("IndexGRU", "noise", noise);
    const contexts = this.#contexts(step, input, target);
    const own = step.reshape(target, [target.size, 1]);
    const ownWords = this.#gates(
      step,
      this.#targetDropout.forward(step, this.encoder.forward(step, own)),
    );
    const score = gruPairScore(step, ownWords, contexts, this.#targetHead);
    return {
      target: step.reshape(score, [target.size]),
      noise: gruPairScore(step, this.#noiseWords(step, noise), contexts, this.#noiseHead),
    };
  }

  /** The scores of all classes after `input`, as {@linkcode getScore} takes it, in tiles; of a shard, those of its classes. */
  override scoreAllClasses(step: Step, input: Tensor): TileScorer {
    const { weightIh, biasIh } = this.rnn.layers[0]!;
    const table = this.#noiseDropout.forward(step, this.encoder.weight, true);
    const contexts = this.#contexts(step, input);
    return gruTileScorer(step, { table, weightIh, biasIh }, contexts, this.#noiseHead);
  }

  /** The candidates' part in the gates, [..., 3H], from their vectors. */
  #gates(step: Step, vectors: Tensor): Tensor {
    const { weightIh, biasIh } = this.rnn.layers[0]!;
    return linear(step, vectors, weightIh, biasIh);
  }

  /** The part of `noise`, [K] or [N, K], in the gates: [..., 3H]. */
  #noiseWords(step: Step, noise: Tensor): Tensor {
    const shared = noise.shape.length === 1, rows = noise.shape[0]!;
    const samples = shared ? rows : wholeRows(step.part, rows) * noise.shape[1]!;
    if (samples >= this.noise.numClasses) return this.#noiseOfTable(step, noise);
    const vectors = gather(step, this.encoder.weight, noise);
    return this.#gates(step, this.#noiseDropout.forward(step, vectors, shared));
  }

  /** The same for as many samples as there are classes, or more: a class has one mask in the step. */
  #noiseOfTable(step: Step, noise: Tensor): Tensor {
    const { weight } = this.encoder;
    if (weight.shard) return this.#gates(step, this.#noiseOfShard(step, noise));
    const all = this.#noiseDropout.forward(step, weight, true);
    // To compute the gates of each class once is less work, but needs all classes in one matrix.
    return isInParts(all) || all.dtype === "f16"
      ? this.#gates(step, gather(step, all, noise))
      : gather(step, this.#gates(step, all), noise);
  }

  /** Vectors from a divided table, under the masks that the whole table would have. */
  #noiseOfShard(step: Step, noise: Tensor): Tensor {
    const { weight } = this.encoder, rows = gather(step, weight, noise), drop = this.#noiseDropout;
    if (!step.dropout || drop.p === 0) return rows;
    const [V, E] = [this.noise.numClasses, weight.shape[1]!];
    const masks = drop.forward(step, step.upload(new Float32Array(V * E).fill(1), [V, E]), true);
    return multiply(step, rows, gather(step, masks, noise));
  }

  /** The contexts of `input`, as many as there are targets. */
  #contexts(step: Step, input: Tensor, target?: Tensor): GRUContexts {
    const { weightHh, biasHh } = this.rnn.layers[0]!, H = weightHh.shape[1]!;
    expectStep("IndexGRU", step);
    expectTensor("IndexGRU", "input", input);
    const areWords = input.dtype === "u32", expected = `ids [T, B], one a row, or rows of ${H}`;
    const rows = inputRows(input, areWords ? undefined : H, target, expected);
    const context = areWords ? this.context(step, input).context : input;
    const hidden = step.reshape(context, [rows, H]);
    return gruContexts(step, linear(step, hidden, weightHh, biasHh), hidden);
  }
}
