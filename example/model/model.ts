/** Word language models: a recurrent network under a large output layer, and how they are scored. */

import {
  type Communicator,
  fetchRows,
  type RowRequest,
  type TableShard,
} from "../../kernels/mod.ts";
import {
  type Gpu,
  IndexGRU,
  IndexLinear,
  type NCELoss,
  type NCEOptions,
  type Shard,
  type Step,
  type TableDType,
  type Tensor,
} from "../../mod.ts";
import { Dropout, Embedding, Linear, LSTM, Module } from "../../nce/nn/mod.ts";
import { gather, type LSTMState, type NormalizedScores } from "../../kernels/ops.ts";

/** Sizes of a model, and how its output layer is trained. */
export interface WordModelOptions extends Omit<NCEOptions, "reduction"> {
  /** V, the number of words. */
  numWords: number;
  /** E, the size of word vectors. */
  emsize: number;
  /** H, the size of the recurrent state. */
  nhid: number;
  /** Number of recurrent layers. */
  nlayers: number;
  /** Dropout rate. */
  dropout: number;
  /** Whether a word has one vector, as input and in the output layer; an IndexGRU has one table in any case. */
  tied?: boolean;
  /** What the tables of words store; 32-bit floats unless given. */
  tableDtype?: TableDType;
  /** Seed of the initial values. */
  seed: number;
  /** Which rows of the tables of words this rank holds; all unless given. */
  shard?: Shard;
}

/** Initial states of a model's rows, and where the states are reset. */
export interface Start {
  /** Recurrent states as returned by {@linkcode WordModel.context}; all zero unless given. */
  readonly states?: readonly Tensor[];
  /** Ids [T, B]: nonzero where the states are reset to zero before the element. */
  readonly resets?: Tensor;
}

/** What a criterion scores words from, one row per token, and the final recurrent states. */
export interface Context {
  readonly context: Tensor;
  readonly states: readonly Tensor[];
}

/** Predicts each next word of B sentences side by side. */
export abstract class WordModel extends Module {
  /** The output layer and its loss; reduction is `"none"`. */
  abstract readonly criterion: NCELoss<[Tensor]>;
  /** What {@linkcode shard} has found: each step asks. */
  #found: { readonly shard: TableShard | undefined } | undefined;

  /** The context of `input` [T, B]. */
  abstract context(step: Step, input: Tensor, start?: Start): Context;

  /** The rows of tables that {@linkcode context} looks up for `input`, and {@linkcode forward} for `target`. */
  protected abstract rows(step: Step, input: Tensor, target?: Tensor): RowRequest[];

  /** Which rows of the tables of words this rank holds; undefined if it holds all. */
  get shard(): TableShard | undefined {
    this.#found ??= { shard: this.parameters().find(([, { shard }]) => shard)?.[1].shard };
    return this.#found.shard;
  }

  /**
   * Fetches the rows that a step needs for `input`, and for the loss of `target` if given, from the ranks that
   * hold them. All ranks call it. Without a {@linkcode shard} there is nothing to do.
   */
  async fetch(
    step: Step,
    communicator: Communicator,
    input: Tensor,
    target?: Tensor,
  ): Promise<void> {
    if (this.shard) await fetchRows(step, this.rows(step, input, target), communicator);
  }

  /** Losses [T * B] of predicting `target` from `input`, both ids [T, B]. */
  forward(
    step: Step,
    input: Tensor,
    target: Tensor,
    start: Start = {},
  ): { loss: Tensor; states: readonly Tensor[] } {
    const { context, states } = this.context(step, input, start);
    const loss = this.criterion.forward(step, target, context);
    return { loss: step.reshape(loss, [target.size]), states };
  }

  /**
   * Exact scores [T * B] of `target`, normalised over all words. If tables are divided, these are the words of
   * this rank's shard, and `target` are rows of it.
   */
  normalize(
    step: Step,
    input: Tensor,
    target: Tensor,
    start: Start = {},
  ): NormalizedScores & { states: readonly Tensor[] } {
    const { context, states } = this.context(step, input, start);
    const flat = step.reshape(target, [target.size]);
    const { score, logZ } = this.criterion.ceLoss(step, flat, context);
    return { score, logZ, states };
  }
}

/** c of the model, learned or not. */
export async function normTermOf(gpu: Gpu, { criterion }: WordModel): Promise<number> {
  const { normTerm } = criterion;
  return typeof normTerm === "number" ? normTerm : (await gpu.readFloats(normTerm))[0]!;
}

/**
 * Embedding, LSTM layers, a projection to the size of a word vector, and an IndexLinear. If it is tied, the weight
 * of the IndexLinear is the embedding, too (Press and Wolf 2017; Inan et al. 2017), and starts as that weight does.
 */
export class LanguageModel extends WordModel {
  override readonly criterion: IndexLinear;
  /** [V, E] The vectors of input words. */
  readonly #words: Tensor;
  readonly #rnn: LSTM;
  readonly #proj: Linear;
  readonly #inputDropout: Dropout;
  readonly #outputDropout: Dropout;

  /** Throws a RangeError if a size is not positive. */
  constructor(gpu: Gpu, options: WordModelOptions) {
    super();
    const { numWords, emsize, nhid, nlayers, dropout, tied, ...output } = options;
    const { seed, tableDtype = "f32", shard } = output;
    const encoder = tied ? undefined : this.part(
      new Embedding(gpu, {
        numEmbeddings: numWords,
        embeddingDim: emsize,
        tableDtype,
        seed,
        name: "encoder",
        ...(shard && { shard }),
      }),
    );
    const sizes = { inputSize: emsize, hiddenSize: nhid, numLayers: nlayers };
    this.#rnn = this.part(new LSTM(gpu, { ...sizes, dropout, seed, name: "rnn" }));
    this.#proj = this.part(
      new Linear(gpu, {
        inFeatures: nhid,
        outFeatures: emsize,
        seed,
        name: "proj",
      }),
    );
    this.criterion = this.part(
      new IndexLinear(gpu, {
        ...output,
        embeddingDim: emsize,
        numClasses: numWords,
        reduction: "none",
        name: "criterion",
      }),
    );
    this.#words = (encoder ?? this.criterion).weight;
    this.#inputDropout = new Dropout(dropout, "input_dropout");
    this.#outputDropout = new Dropout(dropout, "output_dropout");
  }

  /** Input words have the embedding's rows; what is scored, those of the output layer. */
  protected override rows(step: Step, input: Tensor, target?: Tensor): RowRequest[] {
    const { weight, bias } = this.criterion, words = this.#words;
    if (!target) return [{ tables: [words], ids: [input] }];
    const scored = this.criterion.scoredClasses(step, target);
    return words === weight
      ? [{ tables: [words], ids: [input, ...scored] }, { tables: [bias], ids: scored }]
      : [{ tables: [words], ids: [input] }, { tables: [weight, bias], ids: scored }];
  }

  /** The projected states of the top layer, [T, B, E]. */
  override context(step: Step, input: Tensor, { states = [], resets }: Start = {}): Context {
    const embedded = this.#inputDropout.forward(step, gather(step, this.#words, input));
    const recurrent = this.#rnn.forward(step, embedded, { states: inPairs(states), resets });
    const projected = this.#proj.forward(step, recurrent.output);
    return {
      context: this.#outputDropout.forward(step, projected),
      states: recurrent.states.flatMap(({ hidden, cell }) => [hidden, cell]),
    };
  }
}

/** An LSTM's states, which the model passes as a flat list: hidden and cell state of each layer. */
function inPairs(states: readonly Tensor[]): LSTMState[] {
  return Array.from({ length: states.length / 2 }, (_, layer) => {
    return { hidden: states[2 * layer]!, cell: states[2 * layer + 1]! };
  });
}

/** An IndexGRU replaces network and output layer: the candidate word is an input of the network. */
export class GRULanguageModel extends WordModel {
  override readonly criterion: IndexGRU;

  /** Throws a RangeError if a size is not positive or there is not one layer. */
  constructor(gpu: Gpu, options: WordModelOptions) {
    super();
    const { numWords, emsize, nhid, nlayers, tied: _, ...others } = options;
    if (nlayers !== 1) {
      throw new RangeError(`Cannot make an IndexGRU of ${nlayers} layers: it has 1`);
    }
    this.criterion = this.part(
      new IndexGRU(gpu, {
        ...others,
        embeddingDim: emsize,
        hiddenSize: nhid,
        numClasses: numWords,
        reduction: "none",
      }),
    );
  }

  /** All words have rows of one table. */
  protected override rows(step: Step, input: Tensor, target?: Tensor): RowRequest[] {
    const scored = target ? this.criterion.scoredClasses(step, target) : [];
    return [{ tables: [this.criterion.encoder.weight], ids: [input, ...scored] }];
  }

  /** The states of the GRU, [T, B, H]; they start at zero, and again at `resets`. */
  override context(step: Step, input: Tensor, { states, resets }: Start = {}): Context {
    const { context, state } = this.criterion.context(step, input, { state: states?.[0], resets });
    return { context, states: [state] };
  }
}
