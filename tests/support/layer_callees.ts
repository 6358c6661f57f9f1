/** Layers, losses and optimizers. */

import { type Callee, type Fields, kinds, optional } from "./arguments.ts";
import { E, K, made, N, type Scene, V } from "./callee_scene.ts";
import * as nce from "./library.ts";

const {
  gpu: GPU,
  step: STEP,
  floats: F,
  ids: IDS,
  finite,
  positive,
  seed,
  rate,
  tensor: TENSOR,
  shape,
  flag,
  choice,
  counts,
  weight: w,
  lr,
  clip,
  text,
} = kinds;

const LOSS_OPTIONS = {
  noise: counts,
  noiseRatio: optional(positive),
  normTerm: optional(finite),
  reduction: optional(choice),
  lossType: optional(choice),
  perWord: optional(flag),
  removeHits: optional(flag),
  selfNorm: optional(w),
  name: optional(text),
};

const isEmpty = (list: unknown) => Array.isArray(list) && list.length === 0;
const isEmptyObject = (value: unknown) =>
  value instanceof Object && value.constructor === Object && Object.keys(value).length === 0;

/** What `save()` would give, all zero. */
function zerosOf(tensors: readonly nce.NamedParameter[]) {
  return Object.fromEntries(tensors.map(([name, { shape, dtype, size }]) => {
    return [name, { shape, dtype, data: new Float32Array(size) }];
  }));
}

function savedIn(optimizer: nce.SGD | nce.LocalSteps) {
  using state = optimizer.state();
  return { ...state.header, tensors: zerosOf(state.tensors) };
}

class Bare extends nce.NCELoss {
  getScore(): never {
    throw new Error("not to be called");
  }
}

/** Layers, losses and optimizers, by `Class` and `Class.method`. */
export function layerCallees(
  { gpu, stack, step, x, ids, noise, sequence, parameter, owned, c, m }: Scene,
): Record<string, Callee> {
  const layer = stack.use(
    new nce.IndexLinear(gpu, { name: "layer", embeddingDim: E, numClasses: V, noise }),
  );
  const model = stack.use(
    new nce.IndexGRU(gpu, { name: "model", embeddingDim: E, numClasses: V, hiddenSize: E, noise }),
  );
  const optimizer = stack.use(new nce.SGD(gpu, [["p", parameter]], { lr: 1 }));
  const local = stack.use(new nce.LocalSteps(optimizer));
  const linear = stack.use(new nce.Linear(gpu, { inFeatures: E, outFeatures: V }));
  const weights = zerosOf(linear.parameters());
  const loads = (self: object, saved: object, fields: Fields) => {
    return { ...m(self, "load", [saved], [fields]), open: true };
  };
  const stacked = {
    inputSize: positive,
    hiddenSize: positive,
    numLayers: optional(positive),
    name: optional(text),
  };
  const makes = { inputSize: E, hiddenSize: E, numLayers: 2 };
  return {
    parameter: {
      call: owned(nce, "parameter"),
      args: [gpu, "p", [2], { range: 1, seed: 1 }],
      kinds: [GPU, text, shape, { range: w, seed: optional(seed) }],
    },
    Dropout: c("Dropout", [0.5, "dropout"], [rate, text]),
    Embedding: c("Embedding", [gpu, { numEmbeddings: V, embeddingDim: E }], [GPU, {
      ...{ numEmbeddings: positive, embeddingDim: positive },
      ...{ initRange: optional(w), seed: optional(seed), name: optional(text) },
      shard: optional(() => false),
      tableDtype: optional(choice),
    }]),
    Linear: c("Linear", [gpu, { inFeatures: E, outFeatures: V }], [GPU, {
      ...{ inFeatures: positive, outFeatures: positive, seed: optional(seed) },
      name: optional(text),
    }]),
    LSTM: c("LSTM", [gpu, makes], [GPU, { ...stacked, dropout: optional(rate) }]),
    GRU: c("GRU", [gpu, makes], [GPU, { ...stacked, dropout: optional(rate) }]),
    ...Object.fromEntries((["Adagrad", "Adam"] as const).map((name) => [
      name,
      c(name, [gpu, [["p", parameter]], { lr: 1 }], [
        GPU,
        (list) => list instanceof Array && !list.length,
        {
          ...{ lr, weightDecay: optional(w), clip: optional(clip), seed: optional(seed) },
          ...(name === "Adam"
            ? { beta1: optional(rate), beta2: optional(rate) }
            : { rowwise: optional(flag) }),
        },
      ]),
    ])),
    SGD: c("SGD", [gpu, [["p", parameter]], { lr: 1 }], [
      GPU,
      (list) => list instanceof Array && !list.length,
      {
        ...{ lr, momentum: optional(rate), weightDecay: optional(w), clip: optional(clip) },
        seed: optional(seed),
      },
    ]),
    LocalSteps: c("LocalSteps", [optimizer, {}], [
      () => false,
      { lr: optional(lr), momentum: optional(rate) },
    ]),
    IndexLinear: c("IndexLinear", [gpu, { embeddingDim: E, numClasses: V, noise }], [GPU, {
      ...{ ...LOSS_OPTIONS, embeddingDim: positive, numClasses: positive, seed: optional(seed) },
      ...{ tableDtype: optional(choice), shard: optional(() => false) },
    }]),
    IndexGRU: c("IndexGRU", [gpu, { embeddingDim: E, hiddenSize: E, numClasses: V, noise }], [GPU, {
      ...{ ...LOSS_OPTIONS, embeddingDim: positive, numClasses: positive, hiddenSize: positive },
      ...{ seed: optional(seed), dropout: optional(rate), tableDtype: optional(choice) },
    }]),
    NCELoss: { call: made(Bare, stack), args: [gpu, { noise }], kinds: [GPU, LOSS_OPTIONS] },
    "SGD.load": loads(optimizer, savedIn(optimizer), {
      kind: choice,
      lr,
      counts: isEmptyObject,
      tensors: choice,
    }),
    "LocalSteps.load": loads(local, savedIn(local), {
      kind: choice,
      lr,
      counts: isEmptyObject,
      tensors: choice,
    }),
    "Linear.load": loads(linear, weights, { weight: choice, bias: choice }),
    "SGD.step": m(optimizer, "step", [x], [() => false]),
    "LocalSteps.step": m(
      local,
      "step",
      [x],
      [() => false],
    ),
    "Embedding.forward": m(
      stack.use(new nce.Embedding(gpu, { numEmbeddings: V, embeddingDim: E })),
      "forward",
      [
        ...[step, ids],
      ],
      [STEP, IDS],
    ),
    "Linear.forward": m(
      linear,
      "forward",
      [
        ...[step, x],
      ],
      [STEP, F],
    ),
    "Dropout.forward": m(new nce.Dropout(0.5, "dropout"), "forward", [step, x], [STEP, F]),
    "LSTM.forward": {
      ...m(stack.use(new nce.LSTM(gpu, makes)), "forward", [step, sequence], [STEP, F, {
        ...{ states: (list) => list === undefined || isEmpty(list), resets: optional(IDS) },
      }]),
      open: true,
    },
    "IndexLinear.forward": m(layer, "forward", [step, ids, x], [STEP, IDS, F]),
    "IndexLinear.ceLoss": m(layer, "ceLoss", [step, ids, x], [STEP, IDS, F]),
    "IndexLinear.topK": m(layer, "topK", [step, K, x], [
      STEP,
      (k) => positive(k) && Number(k) <= V,
      F,
    ]),
    "IndexLinear.getScore": m(layer, "getScore", [step, ids, ids, x], [STEP, IDS, IDS, F]),
    "IndexGRU.forward": m(model, "forward", [step, ids, x], [STEP, IDS, TENSOR]),
    "IndexGRU.getScore": m(model, "getScore", [step, ids, ids, x], [STEP, IDS, IDS, TENSOR]),
    "IndexGRU.topK": m(model, "topK", [step, K, x], [
      STEP,
      (k) => positive(k) && Number(k) <= V,
      TENSOR,
    ]),
    "IndexGRU.context": {
      ...m(model, "context", [step, step.reshape(ids, [1, N])], [
        ...[STEP, IDS],
        { state: optional(F), resets: optional(IDS) },
      ]),
      open: true,
    },
  };
}
