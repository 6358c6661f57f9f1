/** A small IndexGRU, and its scores in float64. */

import { type Gpu, IndexGRU, type IndexGRUOptions, type Step, type Tensor } from "../../mod.ts";
import { randomIds, values } from "../reference/data.ts";
import { gruLayer, gruPairScore } from "../reference/gru.ts";
import { gather, linear } from "../reference/linear.ts";

export const [T, B, V, E, H, K] = [3, 3, 11, 3, 5, 4];
export const N = T * B;
export const COUNTS = Float64Array.from({ length: V }, (_, y) => 1 + (y * 5) % 7);
export const INPUT = randomIds(N, V, 1), TARGET = randomIds(N, V, 2);

export function make(gpu: Gpu, options: Partial<IndexGRUOptions> = {}): IndexGRU {
  const sizes = { numClasses: V, embeddingDim: E, hiddenSize: H };
  return new IndexGRU(gpu, {
    ...sizes,
    noise: COUNTS,
    noiseRatio: K,
    normTerm: 1.25,
    reduction: "none",
    ...options,
  });
}

/** Gives the parameters values that matter, and returns them. */
export function fill(gpu: Gpu, model: IndexGRU): Float64Array[] {
  return model.parameters().map(([, parameter], i) => {
    const data = values(parameter.size, i + 3);
    gpu.write(parameter, data);
    return Float64Array.from(data);
  });
}

export function upload(step: Step): { target: Tensor; input: Tensor } {
  return { target: step.upload(TARGET, [T, B]), input: step.upload(INPUT, [T, B]) };
}

/** The scores [N, V] of all words after each token, in float64. */
export function scores(parameters: readonly Float64Array[]): Float64Array {
  const [table, weightIh, weightHh, biasIh, biasHh, weight, bias] = parameters as Float64Array[];
  const x = gather(INPUT, E)(table!).output;
  const layer = gruLayer({ steps: T, batch: B, width: E, size: H });
  const { output: hidden } = layer(x, weightIh!, weightHh!, biasIh!, biasHh!);
  const gates = linear(N, H, 3 * H)(hidden, weightHh!, biasHh!).output;
  const words = linear(V, E, 3 * H)(table!, weightIh!, biasIh!).output;
  return gruPairScore({ rows: N, count: V, size: H })(words, gates, hidden, weight!, bias!).output;
}
