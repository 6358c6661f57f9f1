/** The tensors of a model file, from the settings alone. */

import type { ModelSettings } from "../options/options.ts";

/** Settings that determine a model's sizes. */
export type SizeSettings = Pick<
  ModelSettings,
  "indexModule" | "emsize" | "nhid" | "nlayers" | "tied" | "normTerm"
>;

/** A tensor's name and shape. */
export type NamedShape = readonly [name: string, shape: readonly number[]];

/**
 * Names and shapes of a model's parameters, as in PyTorch and model files, in the model's order. A
 * generator, since a damaged file may ask for billions of layers.
 */
export function* parameterShapes(settings: SizeSettings, numWords: number): Generator<NamedShape> {
  const { indexModule, emsize, nhid, nlayers, tied, normTerm } = settings;
  const learned = normTerm === "learned";
  if (indexModule === "gru") {
    yield ["encoder.0.weight", [numWords, emsize]];
    yield* recurrentShapes(3, 0, emsize, nhid);
    yield ["scorer.1.weight", [1, nhid]];
    yield ["scorer.1.bias", [1]];
    if (learned) yield ["norm_term", [1]];
    return;
  }
  if (!tied) yield ["encoder.weight", [numWords, emsize]];
  for (let layer = 0; layer < nlayers; layer++) {
    yield* recurrentShapes(4, layer, layer === 0 ? emsize : nhid, nhid);
  }
  yield ["proj.weight", [emsize, nhid]];
  yield ["proj.bias", [emsize]];
  yield ["criterion.emb.weight", [numWords, emsize]];
  // The original keeps the output bias as a column.
  yield ["criterion.bias.weight", [numWords, 1]];
  if (learned) yield ["criterion.norm_term", [1]];
}

/** A recurrent layer with `gates` gates. */
function* recurrentShapes(
  gates: number,
  layer: number,
  inputs: number,
  nhid: number,
): Generator<NamedShape> {
  yield [`rnn.weight_ih_l${layer}`, [gates * nhid, inputs]];
  yield [`rnn.weight_hh_l${layer}`, [gates * nhid, nhid]];
  yield [`rnn.bias_ih_l${layer}`, [gates * nhid]];
  yield [`rnn.bias_hh_l${layer}`, [gates * nhid]];
}

/** Number of elements of a tensor. */
export function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Number of elements of all parameters. */
export function parameterCount(settings: SizeSettings, numWords: number): number {
  return [...parameterShapes(settings, numWords)].reduce(
    (sum, [, shape]) => sum + product(shape),
    0,
  );
}
