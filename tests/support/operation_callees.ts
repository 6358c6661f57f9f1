/** Operations: what a step computes. */

import { type Callee, kinds, optional } from "./arguments.ts";
import { E, K, N, type Scene, V } from "./callee_scene.ts";
import * as nce from "./library.ts";

const {
  step: STEP,
  floats: F,
  ids: IDS,
  finite,
  positive,
  word,
  rate,
  object,
  flag,
  weight: w,
  call,
} = kinds;

/** Operations by their names. */
export function operationCallees(
  { step, up, x, y, table, bias, ids, sequence, stream, f }: Scene,
): Record<string, Callee> {
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
    embeddingBag: f("embeddingBag", [step, table, step.reshape(ids, [N, 1]), up(N, 1)], [
      ...[STEP, F, IDS, F],
    ]),
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
      { rows: positive, classes: positive, scores: call, backward: call, inputs: Array.isArray },
      IDS,
    ]),
    topK: f("topK", [step, scorer, K], [
      STEP,
      { rows: positive, classes: positive, scores: call, backward: call, inputs: Array.isArray },
      (k) => positive(k) && Number(k) <= V,
    ]),
    drawClasses: f("drawClasses", [step, scorer, K, { stream, temperature: 2, firstRow: 1 }], [
      STEP,
      { rows: positive, classes: positive, scores: call, backward: call, inputs: Array.isArray },
      (k) => positive(k) && Number(k) <= V,
      {
        stream: (value) => value instanceof nce.RandomStream,
        temperature: optional(w),
        firstRow: optional(word),
      },
    ]),
    lstm: {
      ...f("lstm", [step, sequence, rows(4), { state: { hidden: x, cell: x } }], [
        ...[STEP, F, recurrent],
        { state: optional(object), resets: optional(IDS) },
      ]),
      open: true,
    },
    gru: {
      ...f("gru", [step, sequence, rows(3), { state: x }], [
        ...[STEP, F, recurrent],
        { state: optional(F), resets: optional(IDS) },
      ]),
      open: true,
    },
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
  };
}
