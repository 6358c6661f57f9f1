/** Everything callable that the entries export, with valid arguments and their kinds. */

import * as nce from "./library.ts";
import { type Callee, kinds, optional } from "./arguments.ts";
import { values } from "../reference/data.ts";

/** Classes, size of a vector or state, rows, and noise samples. */
const V = 6, E = 4, N = 3, K = 2;

const { gpu: GPU, step: STEP, floats: F, ids: IDS, finite, positive, word, seed, rate } = kinds;
const {
  tensor: TENSOR,
  shape,
  data,
  object,
  flag,
  choice,
  counts,
  weight: w,
  lr,
  clip,
  call,
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

/** A shard's fields, where the others are rank 1 of 2. */
const SHARD = { rank: (rank: unknown) => rank === 0, ranks: positive };

/** A function or method as it is called by JavaScript. */
function untyped(f: unknown, self?: unknown): (...args: unknown[]) => unknown {
  if (typeof f !== "function") throw new TypeError("not a function");
  return (...args) => Reflect.apply(f, self, args);
}

/** A class as it is constructed by JavaScript; `stack` owns the object. */
function made(Class: unknown, stack: DisposableStack): (...args: unknown[]) => unknown {
  if (typeof Class !== "function") throw new TypeError("not a class");
  return (...args) => {
    const thing: unknown = Reflect.construct(Class, args);
    if (typeof thing === "object" && thing && Symbol.dispose in thing) {
      stack.use(thing as Disposable);
    }
    return thing;
  };
}

class Bare extends nce.NCELoss {
  getScore(): never {
    throw new Error("not to be called");
  }
}

/** Everything callable, by exported name or `Class.method`. */
export function callees(gpu: nce.Gpu, stack: DisposableStack): Record<string, Callee> {
  const step = stack.use(gpu.step({ training: true }));
  const up = (...sizes: number[]) =>
    step.upload(values(sizes.reduce((n, size) => n * size, 1), 1), sizes);
  const [x, y, table, bias] = [up(N, E), up(N, E), up(V, E), up(V)];
  const ids = step.upload(Uint32Array.of(0, 5, 2));
  const noise = Float32Array.of(1, 2, 3, 4, 5, 6);
  const layer = stack.use(
    new nce.IndexLinear(gpu, { name: "layer", embeddingDim: E, numClasses: V, noise }),
  );
  const model = stack.use(
    new nce.IndexGRU(gpu, { name: "model", embeddingDim: E, numClasses: V, hiddenSize: E, noise }),
  );
  const alias = stack.use(new nce.AliasMultinomial(gpu, noise, "alias"));
  const unique = stack.use(new nce.UniqueNoise(gpu, noise, K, "unique"));
  const stream = new nce.RandomStream("stream");
  const sequence = up(2, N, E), parameter = stack.use(gpu.tensor([2]));
  const rows = (gates: number) => ({
    weightIh: up(gates * E, E),
    weightHh: up(gates * E, E),
    biasIh: up(gates * E),
    biasHh: up(gates * E),
  });
  const recurrent = { weightIh: F, weightHh: F, biasIh: F, biasHh: F };
  const scores = { target: up(N), noise: up(N, K), targetLogProb: up(N), noiseLogProb: up(K) };
  const scoreKinds = {
    ...{ target: F, noise: F, targetLogProb: F, noiseLogProb: F },
    samples: optional(positive),
  };
  const scorer = nce.linearScorer(step, x, table, bias);
  const optimizer = stack.use(new nce.SGD(gpu, [["p", parameter]], { lr: 1 }));
  const owned = (self: object, name: string) => (...args: unknown[]) => {
    const thing = untyped(Reflect.get(self, name), self)(...args);
    if (thing instanceof nce.Tensor) stack.use(thing);
  };
  const stacked = {
    inputSize: positive,
    hiddenSize: positive,
    numLayers: optional(positive),
    name: optional(text),
  };
  const makes = { inputSize: E, hiddenSize: E, numLayers: 2 };
  const plain = {
    ...{ input: values(N * E, 1), weight: values(V * E, 1), bias: values(V, 1) },
    ...{ target: [0, 5, 2], noise: [1, 1], noiseProbabilities: Array(V).fill(1 / V) },
  };
  const launch = { label: "x", source: "", inputs: [], outputs: [x], grid: 1 };
  const f = (name: keyof typeof nce, args: unknown[], of: Callee["kinds"]): Callee => {
    return { call: untyped(nce[name]), args, kinds: of };
  };
  const c = (name: keyof typeof nce, args: unknown[], of: Callee["kinds"]): Callee => {
    return { call: made(nce[name], stack), args, kinds: of };
  };
  const m = (self: object, name: string, args: unknown[], of: Callee["kinds"]): Callee => {
    return { call: untyped(Reflect.get(self, name), self), args, kinds: of };
  };
  return {
    relu: f("relu", [step, x], [STEP, F]),
    sigmoid: f("sigmoid", [step, x], [STEP, F]),
    tanh: f("tanh", [step, x], [STEP, F]),
    add: f("add", [step, x, y], [STEP, F, F]),
    multiply: f("multiply", [step, x, y], [STEP, F, F]),
    scale: f("scale", [step, x, 2], [STEP, F, finite]),
    affine: f("affine", [step, x, 2, 1], [STEP, F, finite, finite]),
    dropout: f("dropout", [step, x, 0.5, stream], [
      ...[STEP, F, rate],
      (value) => value instanceof nce.RandomStream,
    ]),
    gather: f("gather", [step, table, ids], [STEP, F, IDS]),
    indexScore: f("indexScore", [step, x, table, bias, ids], [STEP, F, F, F, IDS]),
    linear: f("linear", [step, x, table, bias], [STEP, F, F, optional(F)]),
    matmul: f("matmul", [step, x, y, { transposeB: true }], [
      ...[STEP, F, F],
      { transposeA: optional(flag), transposeB: optional(flag) },
    ]),
    crossEntropy: f("crossEntropy", [step, x, table, bias, ids, 4096], [
      ...[STEP, F, F, F, IDS, optional(positive)],
    ]),
    linearScorer: f("linearScorer", [step, x, table, bias, 4096], [
      ...[STEP, F, F, F, optional(positive)],
    ]),
    tiledCrossEntropy: f("tiledCrossEntropy", [step, scorer, ids], [
      STEP,
      { rows: positive, classes: positive, scores: call, backward: call },
      IDS,
    ]),
    topK: f("topK", [step, scorer, K], [
      STEP,
      { rows: positive, classes: positive, scores: call, backward: call },
      (k) => positive(k) && Number(k) <= V,
    ]),
    drawClasses: f("drawClasses", [step, scorer, K, { stream, temperature: 2, firstRow: 1 }], [
      STEP,
      { rows: positive, classes: positive, scores: call, backward: call },
      (k) => positive(k) && Number(k) <= V,
      {
        stream: (value) => value instanceof nce.RandomStream,
        temperature: optional(w),
        firstRow: optional(word),
      },
    ]),
    lstm: f("lstm", [step, sequence, rows(4), { state: { hidden: x, cell: x } }], [
      ...[STEP, F, recurrent],
      { state: optional(object), resets: optional(IDS) },
    ]),
    gru: f("gru", [step, sequence, rows(3), { state: x }], [
      ...[STEP, F, recurrent],
      { state: optional(F), resets: optional(IDS) },
    ]),
    nceLoss: f("nceLoss", [step, scores, 1], [STEP, scoreKinds, finite]),
    sampledLoss: f("sampledLoss", [step, scores], [STEP, scoreKinds]),
    logPartition: f("logPartition", [step, scores], [STEP, scoreKinds]),
    sum: f("sum", [step, x], [STEP, F]),
    mean: f("mean", [step, x], [STEP, F]),
    weightedSum: f("weightedSum", [step, x, y], [STEP, F, F]),
    rowDot: f("rowDot", [step, x, y], [STEP, F, F]),
    exclude: f("exclude", [step, up(N, K), {
      target: ids,
      noise: step.upload(Uint32Array.of(1, 2)),
    }, {
      ownSlot: 0,
    }], [STEP, F, { target: IDS, noise: IDS }, {
      ownSlot: (n) => n === undefined || n === 0 || n === 1,
      hits: optional(flag),
    }]),
    subtractScalar: f("subtractScalar", [step, x, up(1)], [STEP, F, F]),
    RandomStream: c("RandomStream", ["a"], [text]),
    streamOf: f("streamOf", ["a"], [text]),
    shardRows: f("shardRows", [{ rank: 1, ranks: 2, rows: 5 }], [{
      ...SHARD,
      rows: positive,
    }]),
    ownRows: f("ownRows", [noise, 2, { rank: 1, ranks: 2 }], [
      (list) => list instanceof Float32Array && list.length === V,
      (width) => width === 1 || width === 2 || width === 3 || width === 6,
      SHARD,
    ]),
    ranksInProcess: f("ranksInProcess", [2], [positive]),
    Philox: c("Philox", [1, 2, 3], [seed, word, optional(word)]),
    "Philox.below": m(new nce.Philox(1, 2), "below", [6], [positive]),
    logUniformProbabilities: f("logUniformProbabilities", [V], [positive]),
    noiseProbabilities: f("noiseProbabilities", [noise, { power: 1, uniform: 0 }], [counts, {
      power: optional(finite),
      uniform: optional((part) => typeof part === "number" && part >= 0 && part <= 1),
    }]),
    nceGradient: f("nceGradient", [plain], [{
      ...{ input: counts, weight: counts, bias: counts, target: counts, noise: counts },
      ...{ noiseProbabilities: counts, dLoss: optional(counts), normTerm: optional(finite) },
      ...{ perWord: optional(flag), lossType: optional(choice), removeHits: optional(flag) },
    }]),
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
    LocalSteps: c("LocalSteps", [gpu, [["p", parameter]], optimizer, {}], [
      GPU,
      (list) => list instanceof Array && !list.length,
      () => false,
      { lr: optional(lr), momentum: optional(rate) },
    ]),
    AliasMultinomial: c("AliasMultinomial", [gpu, noise, "a"], [GPU, counts, optional(text)]),
    UniqueNoise: c("UniqueNoise", [gpu, noise, K, "a"], [GPU, counts, positive, optional(text)]),
    BatchNoise: c("BatchNoise", [gpu, noise], [GPU, counts, optional(() => false)]),
    IndexLinear: c("IndexLinear", [gpu, { embeddingDim: E, numClasses: V, noise }], [GPU, {
      ...{ ...LOSS_OPTIONS, embeddingDim: positive, numClasses: positive, seed: optional(seed) },
      ...{ tableDtype: optional(choice), shard: optional(() => false) },
    }]),
    IndexGRU: c("IndexGRU", [gpu, { embeddingDim: E, hiddenSize: E, numClasses: V, noise }], [GPU, {
      ...{ ...LOSS_OPTIONS, embeddingDim: positive, numClasses: positive, hiddenSize: positive },
      ...{ seed: optional(seed), dropout: optional(rate), tableDtype: optional(choice) },
    }]),
    NCELoss: { call: made(Bare, stack), args: [gpu, { noise }], kinds: [GPU, LOSS_OPTIONS] },
    "Gpu.step": m(gpu, "step", [{}], [{
      ...{ training: optional(flag), seed: optional(seed), number: optional(word) },
    }]),
    "Gpu.tensor": { call: owned(gpu, "tensor"), args: [[2]], kinds: [shape, optional(data)] },
    "Gpu.table": {
      call: owned(gpu, "table"),
      args: [[2], undefined, "f32"],
      kinds: [shape, optional(data), optional(choice)],
    },
    "Gpu.temporary": {
      call: owned(gpu, "temporary"),
      args: [[2], "u32"],
      kinds: [shape, optional(choice)],
    },
    "Gpu.tuning": {
      call: (tuning) => void Object.assign(gpu, { tuning }),
      args: [nce.FIXED_TUNING],
      kinds: [{
        tallFrom: word,
        busy: word,
        longBusy: word,
        wholeRows: word,
        serpentine: word,
        keptFours: word,
      }],
    },
    isTuning: { call: untyped(nce.isTuning), args: [{}], kinds: [] },
    "Gpu.write": m(gpu, "write", [x, values(N * E, 2)], [TENSOR, data]),
    "Gpu.clear": m(gpu, "clear", [up(2)], [TENSOR]),
    "Gpu.copy": m(gpu, "copy", [x, up(N, E), {}], [F, F, {
      ...{ fromStart: optional(word), toStart: optional(word), count: optional(positive) },
    }]),
    "Gpu.dispatch": m(gpu, "dispatch", [launch], [{
      ...{ label: text, source: text, inputs: Array.isArray, outputs: Array.isArray },
      grid: positive,
    }]),
    "Gpu.expectFitting": m(gpu, "expectFitting", [[2]], [shape]),
    "Step.upload": m(step, "upload", [values(6, 1), [2, 3]], [data, optional(shape)]),
    "Step.tensor": m(step, "tensor", [[2]], [shape, optional(choice)]),
    "Step.keep": m(step, "keep", [parameter], [TENSOR]),
    "Gradients.get": m(new nce.Gradients(step), "get", [x], [TENSOR]),
    "Gradients.toDense": m(new nce.Gradients(step), "toDense", [x], [TENSOR]),
    "Step.own": m(step, "own", [up(2)], [TENSOR]),
    "Step.reshape": m(step, "reshape", [x, [E, N]], [TENSOR, shape]),
    "Step.record": m(
      step,
      "record",
      [{ name: "own", inputs: [x], output: x, backward: () => [] }],
      [{
        ...{ inputs: Array.isArray, output: TENSOR, backward: call },
      }],
    ),
    "Step.backward": m(step, "backward", [x], [() => false]),
    "Tensor.reshape": { call: owned(parameter, "reshape"), args: [[2]], kinds: [() => false] },
    "Tensor.slice": { call: owned(up(4, 64), "slice"), args: [1, 2], kinds: [word, positive] },
    "SGD.step": m(optimizer, "step", [x], [() => false]),
    "LocalSteps.step": m(
      stack.use(new nce.LocalSteps(gpu, [["p", parameter]], optimizer)),
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
      stack.use(new nce.Linear(gpu, { inFeatures: E, outFeatures: V })),
      "forward",
      [
        ...[step, x],
      ],
      [STEP, F],
    ),
    "Dropout.forward": m(new nce.Dropout(0.5, "dropout"), "forward", [step, x], [STEP, F]),
    "LSTM.forward": m(stack.use(new nce.LSTM(gpu, makes)), "forward", [step, sequence], [STEP, F, {
      ...{ states: optional(Array.isArray), resets: optional(IDS) },
    }]),
    "IndexLinear.forward": m(layer, "forward", [step, ids, x], [STEP, IDS, F]),
    "IndexLinear.ceLoss": m(layer, "ceLoss", [step, ids, x], [STEP, IDS, F]),
    "IndexLinear.topK": m(layer, "topK", [step, K, x], [
      STEP,
      (k) => positive(k) && Number(k) <= V,
      F,
    ]),
    "IndexLinear.getScore": m(layer, "getScore", [step, ids, ids, x], [STEP, IDS, IDS, F]),
    "IndexGRU.forward": m(model, "forward", [step, ids, x], [STEP, IDS, TENSOR]),
    "IndexGRU.topK": m(model, "topK", [step, K, x], [
      STEP,
      (k) => positive(k) && Number(k) <= V,
      TENSOR,
    ]),
    "IndexGRU.context": m(model, "context", [step, step.reshape(ids, [1, N])], [STEP, IDS]),
    "AliasMultinomial.draw": m(alias, "draw", [step, [3]], [STEP, shape]),
    "AliasMultinomial.drawOnCpu": m(alias, "drawOnCpu", [3, 1, 1], [(n) => n === 0, seed, word]),
    "AliasMultinomial.logProb": m(alias, "logProb", [step, ids], [STEP, IDS]),
    "UniqueNoise.sample": m(unique, "sample", [step, {
      target: ids,
      noiseRatio: K,
      perWord: false,
    }], [
      ...[STEP],
      { target: IDS, noiseRatio: positive, perWord: optional(flag) },
    ]),
  };
}
