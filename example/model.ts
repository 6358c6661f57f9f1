/** The word language model: embedding, LSTM, projection, and an output layer trained by NCE. */

import {
  Dropout,
  Embedding,
  type Gpu,
  IndexLinear,
  Linear,
  type LossType,
  LSTM,
  type LSTMState,
  Module,
  type NamedParameter,
  namedParameters,
  type Step,
  type Tensor,
} from "../mod.ts";

/** Sizes of a {@linkcode LanguageModel}, and how its output layer is trained. */
export interface LanguageModelOptions {
  /** E, the size of word vectors at the input and at the output. */
  emsize: number;
  /** H, the size of the recurrent state. */
  nhid: number;
  /** Number of LSTM layers. */
  nlayers: number;
  /** Dropout behind the embedding, between the layers and behind the projection. */
  dropout: number;
  /** [V] Word counts: the noise. */
  counts: ArrayLike<number>;
  /** k, the number of noise samples. */
  noiseRatio: number;
  /** c, the assumed ln Z. */
  normTerm: number | "auto";
  /** The training loss. */
  loss: LossType;
  /** Draw noise for every token rather than once for all; false unless given. */
  perWord?: boolean;
  /** Seed of the initial values. */
  seed: number;
}

/** Predicts each next word of B sentences side by side. */
export class LanguageModel extends Module {
  /** The input word vectors. */
  readonly encoder: Embedding;
  /** The recurrent layers. */
  readonly rnn: LSTM;
  /** From the state to the size of a word vector. */
  readonly proj: Linear;
  /** The output layer and its loss. */
  readonly criterion: IndexLinear;
  readonly #inputDropout: Dropout;
  readonly #outputDropout: Dropout;

  /** Throws a RangeError if a size is not positive. */
  constructor(gpu: Gpu, options: LanguageModelOptions) {
    super();
    const { emsize, nhid, nlayers, dropout, counts, seed } = options;
    this.encoder = new Embedding(gpu, { numEmbeddings: counts.length, embeddingDim: emsize, seed });
    this.rnn = new LSTM(gpu, {
      inputSize: emsize,
      hiddenSize: nhid,
      numLayers: nlayers,
      dropout,
      seed,
    });
    this.proj = new Linear(gpu, { inFeatures: nhid, outFeatures: emsize, seed });
    this.criterion = new IndexLinear(gpu, {
      embeddingDim: emsize,
      numClasses: counts.length,
      noise: counts,
      noiseRatio: options.noiseRatio,
      normTerm: options.normTerm,
      lossType: options.loss,
      perWord: options.perWord ?? false,
      reduction: "none",
      seed,
    });
    this.#inputDropout = new Dropout(gpu, dropout);
    this.#outputDropout = new Dropout(gpu, dropout);
  }

  /**
   * Losses [T * B] of predicting `target` from `input`, both ids [T, B].
   * The recurrent states begin at zero, or at `states`; their last values are returned.
   */
  forward(
    step: Step,
    input: Tensor,
    target: Tensor,
    states?: readonly LSTMState[],
  ): { loss: Tensor; states: LSTMState[] } {
    const embedded = this.#inputDropout.forward(step, this.encoder.forward(step, input));
    const recurrent = this.rnn.forward(step, embedded, states);
    const projected = this.proj.forward(step, recurrent.output);
    const output = this.#outputDropout.forward(step, projected);
    const loss = this.criterion.forward(step, target, output);
    return { loss: step.reshape(loss, [target.size]), states: recurrent.states };
  }

  /** All parameters, by the names of the reference model. */
  override parameters(): NamedParameter[] {
    const { encoder, rnn, proj, criterion } = this;
    return namedParameters({ encoder, rnn, proj, criterion });
  }

  /** Frees everything on the GPU. */
  override dispose(): void {
    for (const part of [this.encoder, this.rnn, this.proj, this.criterion]) part.dispose();
  }
}
