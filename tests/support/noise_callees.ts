/** Random numbers and noise, and ranks. */

import { type Callee, kinds, optional } from "./arguments.ts";
import { E, K, N, type Scene, V } from "./callee_scene.ts";
import * as nce from "./library.ts";
import { values } from "../reference/data.ts";

const {
  gpu: GPU,
  step: STEP,
  ids: IDS,
  finite,
  positive,
  word,
  seed,
  shape,
  flag,
  choice,
  counts,
  text,
} = kinds;

/** A shard's fields, where the others are rank 1 of 2. */
const SHARD = { rank: (rank: unknown) => rank === 0, ranks: positive };

const REQUEST = [STEP, { target: IDS, noiseRatio: positive, perWord: flag }];

/** Random numbers, noise and ranks, by their names. */
export function noiseCallees(
  { gpu, stack, step, ids, noise, f, c, m }: Scene,
): Record<string, Callee> {
  const alias = stack.use(new nce.AliasMultinomial(gpu, noise, "alias"));
  const unique = stack.use(new nce.UniqueNoise(gpu, noise, K, "unique"));
  const request = { target: ids, noiseRatio: K, perWord: false };
  const plain = {
    ...{ input: values(N * E, 1), weight: values(V * E, 1), bias: values(V, 1) },
    ...{ target: [0, 5, 2], noise: [1, 1], noiseProbabilities: Array(V).fill(1 / V) },
  };
  return {
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
    AliasMultinomial: c("AliasMultinomial", [gpu, noise, "a"], [GPU, counts, optional(text)]),
    UniqueNoise: c("UniqueNoise", [gpu, noise, K, "a"], [GPU, counts, positive, optional(text)]),
    BatchNoise: c("BatchNoise", [gpu, noise], [GPU, counts, optional(() => false)]),
    "AliasMultinomial.draw": m(alias, "draw", [step, [3]], [STEP, shape]),
    "AliasMultinomial.drawOnCpu": m(alias, "drawOnCpu", [3, 1, 1], [(n) => n === 0, seed, word]),
    "AliasMultinomial.logProb": m(alias, "logProb", [step, ids], [STEP, IDS]),
    "AliasMultinomial.sample": m(alias, "sample", [step, { ...request, perWord: true }], REQUEST),
    "UniqueNoise.sample": m(unique, "sample", [step, request], REQUEST),
  };
}
