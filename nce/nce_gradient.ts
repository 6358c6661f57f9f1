/** Noise contrastive losses and their gradients over plain arrays, for other tensor libraries: no GPU, no imports. */

/** An output layer `s(y) = input . weight[y] + bias[y]`, a batch of targets and their noise. */
export interface NCEProblem {
  /** [N * E] The input vectors, one after another. */
  readonly input: ArrayLike<number>;
  /** [V * E] The classes' vectors, one after another. */
  readonly weight: ArrayLike<number>;
  /** [V] */
  readonly bias: ArrayLike<number>;
  /** [N] Ids of the targets. */
  readonly target: ArrayLike<number>;
  /** Ids of the samples: [K], shared by all targets, or [N * K] if `perWord`. */
  readonly noise: ArrayLike<number>;
  /** Whether every target has samples of its own; false unless given. */
  readonly perWord?: boolean;
  /** [V] q, the distribution that the samples were drawn from: its sum is 1. */
  readonly noiseProbabilities: ArrayLike<number>;
  /** c, the assumed ln Z; ln V unless given. */
  readonly normTerm?: number;
  /** Which loss; `"nce"` unless given. */
  readonly lossType?: "nce" | "sampled" | "mix" | "neg";
  /** In `sampled`, leave out samples that equal the target; false unless given. */
  readonly removeHits?: boolean;
  /** [N] Gradient of the objective with respect to each target's loss; 1 unless given, for their sum. */
  readonly dLoss?: ArrayLike<number>;
}

/** The result of {@linkcode nceGradient}. Weight and bias have gradients in R rows; the others are zero. */
export interface NCEGradient {
  /** [N] Loss of each target. */
  readonly loss: Float32Array;
  /** [N * E] Gradient of `input`. */
  readonly dInput: Float32Array;
  /** [R] Ids of the targets and samples, in rising order, each once. */
  readonly rows: Uint32Array;
  /** [R * E] Gradient of `weight[rows[r]]`. */
  readonly dWeight: Float32Array;
  /** [R] Gradient of `bias[rows[r]]`. */
  readonly dBias: Float32Array;
}

/**
 * Losses of a linear output layer against noise, with their gradients, in float64 on the CPU.
 *
 * With k samples from q and norm term c:
 *
 * - `nce`: `G(y) = s(y) - c - ln q(y) - ln k`, `softplus(-G(target)) + sum_i softplus(G(noise_i))`;
 *   the gradient of s(target) is `sigmoid(G) - 1`, that of s(noise_i) `sigmoid(G)`.
 * - `sampled`: `l(y) = s(y) - ln q(y)`, `logsumexp(l(target), l(noise)) - l(target)`; the gradient is
 *   `softmax(l)`, less 1 for the target.
 * - `mix`: the mean of both. `neg`: nce with `G = s`.
 *
 * They are the losses of `IndexLinear`. Time is O(N K E), memory O((N + K) E) with shared noise: nothing has
 * the size of `weight`. Most libraries have a way to define functions with a custom gradient: wrap it there.
 *
 * Sources: those of {@linkcode NCELoss}.
 *
 * @example Training with plain arrays
 * ```ts
 * import { type NCEGradient, nceGradient, type NCEProblem } from "@nce/nce";
 *
 * const [N, E, V, K, lr] = [8, 16, 1000, 50, 0.1];
 * const input = Float32Array.from({ length: N * E }, (_, i) => Math.sin(i));
 * const target = Uint32Array.from({ length: N }, (_, n) => 100 * n);
 * const weight = new Float32Array(V * E), bias = new Float32Array(V);
 * const noiseProbabilities = new Float32Array(V).fill(1 / V);
 *
 * for (let step = 0; step < 100; step++) {
 *   const noise = Uint32Array.from({ length: K }, () => Math.floor(V * Math.random()));
 *   const problem: NCEProblem = { input, weight, bias, target, noise, noiseProbabilities };
 *   const { loss, rows, dWeight, dBias }: NCEGradient = nceGradient(problem);
 *   rows.forEach((row, r) => {
 *     bias[row]! -= lr * dBias[r]!;
 *     for (let e = 0; e < E; e++) weight[row * E + e]! -= lr * dWeight[r * E + e]!;
 *   });
 *   if (step % 20 === 0) console.log(loss.reduce((sum, l) => sum + l) / N);
 * }
 * ```
 *
 * @throws {TypeError} If the sizes do not fit.
 * @throws {RangeError} If an id is not a class, or q is not positive where it is needed.
 */
export function nceGradient(problem: NCEProblem): NCEGradient {
  expectProblem(problem);
  const { input, weight, bias, target, noise, perWord = false, dLoss } = problem;
  const { N, E, K } = sizesOf(problem);
  const { rows, slots } = distinct(bias.length, target, noise);
  const loss = new Float32Array(N), dInput = new Float64Array(N * E);
  const dWeight = new Float64Array(rows.length * E), dBias = new Float64Array(rows.length);
  const ids = new Uint32Array(K + 1), logits = new Float64Array(K + 1);
  const dScore = new Float64Array(K + 1);
  const rowLoss = lossOf(problem, K);
  for (let n = 0; n < N; n++) {
    ids[0] = target[n]!;
    for (let i = 0; i < K; i++) ids[i + 1] = noise[perWord ? n * K + i : i]!;
    for (let i = 0; i <= K; i++) {
      let score = bias[ids[i]!]!;
      for (let e = 0; e < E; e++) score += input[n * E + e]! * weight[ids[i]! * E + e]!;
      logits[i] = score;
    }
    loss[n] = rowLoss(ids, logits, dScore.fill(0));
    for (let i = 0; i <= K; i++) {
      const d = dScore[i]! * (dLoss?.[n] ?? 1), id = ids[i]!, slot = slots.get(id)!;
      dBias[slot]! += d;
      for (let e = 0; e < E; e++) {
        dInput[n * E + e]! += d * weight[id * E + e]!;
        dWeight[slot * E + e]! += d * input[n * E + e]!;
      }
    }
  }
  return {
    loss,
    dInput: Float32Array.from(dInput),
    rows,
    dWeight: Float32Array.from(dWeight),
    dBias: Float32Array.from(dBias),
  };
}

/** Throws a TypeError unless every field is of its kind; this file imports nothing, so it says so itself. */
function expectProblem(problem: NCEProblem): void {
  const expect = (name: string, fits: boolean, expected: string) => {
    if (!fits) throw new TypeError(`Cannot use ${name}: it is no ${expected}`);
  };
  expect("the problem", typeof problem === "object" && problem !== null, "object");
  const { input, weight, bias, target, noise, noiseProbabilities, dLoss = [] } = problem;
  const arrays = { input, weight, bias, target, noise, noiseProbabilities, dLoss };
  for (const [name, array] of Object.entries(arrays)) {
    const isList = typeof array === "object" && typeof array?.length === "number";
    expect(name, isList, "array of numbers");
  }
  const { lossType = "nce", normTerm = 0, perWord = false, removeHits = false } = problem;
  const names = Object.keys({ ...arrays, lossType, normTerm, perWord, removeHits });
  for (const name in problem) expect(name, names.includes(name), `part of it: ${names.join(", ")}`);
  expect("lossType", ["nce", "sampled", "mix", "neg"].includes(lossType), 'loss ("nce", ...)');
  expect("normTerm", typeof normTerm === "number", "number");
  expect("perWord", typeof perWord === "boolean", "boolean");
  expect("removeHits", typeof removeHits === "boolean", "boolean");
}

/** N, E and K; throws unless all sizes fit. */
function sizesOf(problem: NCEProblem): { N: number; E: number; K: number } {
  const { input, weight, bias, target, noise, perWord = false, noiseProbabilities } = problem;
  const N = target.length, E = input.length / N, V = bias.length;
  const K = perWord ? noise.length / N : noise.length;
  const expected: [string, ArrayLike<number>, number][] = [
    ["weight", weight, V * E],
    ["noiseProbabilities", noiseProbabilities, V],
    ["dLoss", problem.dLoss ?? { length: N }, N],
  ];
  if (!(N > 0 && Number.isInteger(E) && E > 0)) {
    throw new TypeError(`Cannot score ${input.length} inputs for ${N} targets: equal rows needed`);
  }
  if (!(Number.isInteger(K) && K > 0)) {
    throw new TypeError(`Cannot share ${noise.length} samples out among ${N} targets`);
  }
  for (const [name, array, length] of expected) {
    if (array.length !== length) {
      throw new TypeError(
        `Cannot use ${name}: it has ${array.length} elements, expected ${length}`,
      );
    }
  }
  return { N, E, K };
}

/** The ids in rising order, and the place of each. */
function distinct(
  V: number,
  target: ArrayLike<number>,
  noise: ArrayLike<number>,
): { rows: Uint32Array; slots: Map<number, number> } {
  const slots = new Map<number, number>();
  for (const ids of [target, noise]) {
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (!(Number.isInteger(id) && id >= 0 && id < V)) {
        throw new RangeError(`Cannot use id ${id}: there are ${V} classes`);
      }
      slots.set(id, 0);
    }
  }
  const rows = Uint32Array.from(slots.keys()).sort();
  rows.forEach((id, slot) => slots.set(id, slot));
  return { rows, slots };
}

/** The loss of a row as a function of its ids and scores (the target's first); adds the scores' gradient. */
function lossOf(
  { lossType = "nce", noiseProbabilities, bias, normTerm, removeHits = false }: NCEProblem,
  K: number,
): (ids: Uint32Array, scores: Float64Array, dScore: Float64Array) => number {
  const shift = (normTerm ?? Math.log(bias.length)) + Math.log(K);
  if (!Number.isFinite(shift)) throw new RangeError(`Cannot use normTerm ${normTerm}`);
  if (lossType === "neg") return (_, scores, dScore) => binary(scores, 0, 1, dScore);
  return (ids, scores, dScore) => {
    ids.forEach((id, i) => {
      const q = noiseProbabilities[id]!;
      if (!(q > 0 && q <= 1)) throw new RangeError(`Cannot use noise: class ${id} has q = ${q}`);
      scores[i]! -= Math.log(q);
      if (lossType === "sampled" && removeHits && i > 0 && id === ids[0]) scores[i] = -Infinity;
    });
    if (lossType === "nce") return binary(scores, shift, 1, dScore);
    if (lossType === "sampled") return softmax(scores, 1, dScore);
    return binary(scores, shift, 0.5, dScore) + softmax(scores, 0.5, dScore);
  };
}

/** `fraction` times softplus of -(logit - shift) of the target and of (logit - shift) of the samples. */
function binary(
  logits: Float64Array,
  shift: number,
  fraction: number,
  dScore: Float64Array,
): number {
  let loss = 0;
  for (let i = 0; i < logits.length; i++) {
    const sign = i === 0 ? -1 : 1, z = sign * (logits[i]! - shift), small = Math.exp(-Math.abs(z));
    loss += Math.max(z, 0) + Math.log1p(small);
    dScore[i]! += fraction * sign * (z >= 0 ? 1 : small) / (1 + small);
  }
  return fraction * loss;
}

/** `fraction` times ln of the sum of exponentials less the target's logit. */
function softmax(logits: Float64Array, fraction: number, dScore: Float64Array): number {
  const top = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - top), 0);
  for (let i = 0; i < logits.length; i++) dScore[i]! += fraction * Math.exp(logits[i]! - top) / sum;
  dScore[0]! -= fraction;
  return fraction * (top + Math.log(sum) - logits[0]!);
}
