/** GRU layers, and scores of candidates by one more GRU step, in float64, one unit at a time. */

import { linear } from "./linear.ts";
import { sigmoid, softmaxLoss, type SoftmaxParts } from "./losses.ts";
import type { Evaluation, Oracle } from "./oracle.ts";
import { resetRows } from "./resets.ts";
import { stack } from "./stack.ts";

/** Sizes of a layer: T time steps, B rows, E inputs, H units. */
export interface GRUSizes {
  readonly steps: number;
  readonly batch: number;
  readonly width: number;
  readonly size: number;
  /** [T, B]; not 0 where the state before an element is 0. */
  readonly resets?: ArrayLike<number>;
}

/** One unit of a GRU: the new state, and the way back to its inputs. */
interface Unit {
  readonly hidden: number;
  /** Gradients of the input part of the gates r, z, n, of the state part of n, and of h. */
  backward(dHidden: number): readonly [r: number, z: number, n: number, stateN: number, h: number];
}

type Gates = readonly [r: number, z: number, n: number];

/** `r, z = sigmoid(input + state)`, `n = tanh(input + r state)`, `h' = (1 - z) n + z h`. */
function unit(input: Gates, state: Gates, h: number): Unit {
  const r = sigmoid(input[0] + state[0]), z = sigmoid(input[1] + state[1]);
  const n = Math.tanh(input[2] + r * state[2]);
  return {
    hidden: (1 - z) * n + z * h,
    backward: (d) => {
      const dN = d * (1 - z) * (1 - n ** 2);
      return [dN * state[2] * r * (1 - r), d * (h - n) * z * (1 - z), dN, dN * r, d * z];
    },
  };
}

/** The three gates of unit `j` of row `row` of an array [*, 3H]. */
function gatesAt(array: Float64Array, row: number, j: number, size: number): Gates {
  const at = row * 3 * size + j;
  return [array[at]!, array[at + size]!, array[at + 2 * size]!];
}

function addGates(array: Float64Array, row: number, j: number, size: number, d: Gates): void {
  d.forEach((value, gate) => array[(row * 3 + gate) * size + j]! += value);
}

/**
 * One layer: x [T, B, E], W_ih [3H, E], W_hh [3H, H], b_ih [3H], b_hh [3H] to hidden states [T, B, H].
 * It begins at `state` [B, H], a constant, or at zero.
 */
export function gruLayer(sizes: GRUSizes, state?: Float64Array): Oracle {
  const { steps, batch, width, size } = sizes, cells = batch * size;
  return (x, ...weights) => {
    const [weightIh, weightHh, biasIh, biasHh] = weights;
    const fed = linear(steps * batch, width, 3 * size)(x, weightIh!, biasIh!);
    const products: Evaluation[] = [], units: Unit[][] = [];
    const output = new Float64Array(steps * cells);
    let hidden: Float64Array = state ?? new Float64Array(cells);
    for (let t = 0; t < steps; t++) {
      hidden = resetRows(sizes, t, hidden);
      const product = linear(batch, size, 3 * size)(hidden, weightHh!, biasHh!);
      units.push(Array.from(hidden, (h, i) => {
        const b = Math.floor(i / size), j = i % size;
        const input = gatesAt(fed.output, t * batch + b, j, size);
        return unit(input, gatesAt(product.output, b, j, size), h);
      }));
      hidden = Float64Array.from(units[t]!, (one) => one.hidden);
      output.set(hidden, t * cells);
      products.push(product);
    }
    return { output, backward: (dOutput) => backwardLayer(sizes, units, products, fed, dOutput) };
  };
}

/** Back through time: the gradients of a layer's inputs from that of its hidden states. */
function backwardLayer(
  sizes: GRUSizes,
  units: readonly Unit[][],
  products: readonly Evaluation[],
  fed: Evaluation,
  dOutput: Float64Array,
): Float64Array[] {
  const { steps, batch, size } = sizes, cells = batch * size;
  const dInput = new Float64Array(steps * 3 * cells);
  const dWeightHh = new Float64Array(3 * size * size), dBiasHh = new Float64Array(3 * size);
  let dHidden: Float64Array = new Float64Array(cells);
  for (let t = steps - 1; t >= 0; t--) {
    const dState = new Float64Array(3 * cells), direct = new Float64Array(cells);
    units[t]!.forEach((one, i) => {
      const b = Math.floor(i / size), j = i % size;
      const [r, z, n, stateN, h] = one.backward(dOutput[t * cells + i]! + dHidden[i]!);
      addGates(dInput, t * batch + b, j, size, [r, z, n]);
      addGates(dState, b, j, size, [r, z, stateN]);
      direct[i] = h;
    });
    const [dBefore, dWeight, dBias] = products[t]!.backward(dState);
    dWeight!.forEach((d, i) => dWeightHh[i]! += d);
    dBias!.forEach((d, i) => dBiasHh[i]! += d);
    dHidden = resetRows(sizes, t, direct.map((d, i) => d + dBefore![i]!));
  }
  const [dx, dWeightIh, dBiasIh] = fed.backward(dInput);
  return [dx!, dWeightIh!, dWeightHh, dBiasIh!, dBiasHh];
}

/** `layers` layers, each fed with the hidden states of the one below: x, then four arrays a layer. */
export function gruStack(sizes: GRUSizes, layers: number): Oracle {
  return stack(layers, (l) => gruLayer({ ...sizes, width: l === 0 ? sizes.width : sizes.size }));
}

/** Sizes of a problem of pairs: N contexts, K candidates, H units. */
export interface PairSizes {
  readonly rows: number;
  readonly count: number;
  readonly size: number;
  /** [T, B]; not 0 where the state before an element is 0. */
  readonly resets?: ArrayLike<number>;
}

/**
 * `score[n, i] = bias + sum over j of weight[j] mask[n, i, j] h'[j]`: words [K, 3H], or [N, K, 3H] if each
 * context has its own; gates [N, 3H], hidden [N, H], weight [H], bias [1]. Without a mask, none is dropped.
 */
export function gruPairScore(
  { rows, count, size }: PairSizes,
  mask?: ArrayLike<number>,
): Oracle {
  return (words, ...context) => {
    const [gates, hidden, weight, bias] = context as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const own = words.length === rows * count * 3 * size;
    const wordOf = (pair: number) => own ? pair : pair % count;
    const unitOf = (pair: number, j: number) => {
      const n = Math.floor(pair / count), state = gatesAt(gates, n, j, size);
      return unit(gatesAt(words, wordOf(pair), j, size), state, hidden[n * size + j]!);
    };
    const kept = (pair: number, j: number) => mask?.[pair * size + j] ?? 1;
    const output = new Float64Array(rows * count).map((_, pair) => {
      let score = bias[0]!;
      for (let j = 0; j < size; j++) score += weight[j]! * kept(pair, j) * unitOf(pair, j).hidden;
      return score;
    });
    const backward = (dScores: Float64Array) => {
      const gradients = [words, ...context].map((array) => new Float64Array(array.length));
      const [dWords, dGates, dHidden, dWeight, dBias] = gradients;
      dScores.forEach((dScore, pair) => {
        const n = Math.floor(pair / count);
        dBias![0]! += dScore;
        for (let j = 0; j < size; j++) {
          const one = unitOf(pair, j), d = dScore * kept(pair, j);
          const [r, z, word, state, h] = one.backward(d * weight[j]!);
          addGates(dWords!, wordOf(pair), j, size, [r, z, word]);
          addGates(dGates!, n, j, size, [r, z, state]);
          dHidden![n * size + j]! += h;
          dWeight![j]! += d * one.hidden;
        }
      });
      return gradients;
    };
    return { output, backward };
  };
}

/**
 * Cross entropy [N] of the scores of all classes: table [V, E], W_ih [3H, E], b_ih [3H], then gates,
 * hidden, weight and bias as in {@linkcode gruPairScore}.
 */
export function gruCrossEntropy(
  targets: ArrayLike<number>,
  { classes, width, size }: { classes: number; width: number; size: number },
  parts?: SoftmaxParts,
): Oracle {
  const rows = targets.length;
  return (table, ...rest) => {
    const [weightIh, biasIh, ...context] = rest;
    const words = linear(classes, width, 3 * size)(table, weightIh!, biasIh!);
    const pairs = gruPairScore({ rows, count: classes, size })(words.output, ...context);
    const { output, backward } = softmaxLoss(targets, classes, parts)(pairs.output);
    return {
      output,
      backward: (d) => {
        const [dWords, ...dContext] = pairs.backward(backward(d)[0]!);
        return [...words.backward(dWords!), ...dContext];
      },
    };
  };
}
