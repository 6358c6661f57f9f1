/** Scores of candidates by one more GRU step, and the dropout masks in them. */

import { sizeOf } from "../../kernels/device/dtype.ts";
import { gruContexts, gruPairScore } from "../../kernels/gru_pair/gru_pair.ts";
import { RandomStream } from "../../kernels/random/mod.ts";
import type { Gpu, Step, Tensor } from "../../mod.ts";
import type { PairSizes } from "../reference/gru.ts";

/** Random numbers of dropout. */
export const STREAM = new RandomStream("dropout");

/** Pairs of contexts and words. */
export interface PairProblem extends PairSizes {
  /** Whether each context has words of its own. */
  own: boolean;
  /** Gates are within this; 1 unless given. */
  scale?: number;
  /** Dropout rate. */
  p?: number;
}

/** Shapes of words, gates, hidden states, weight and bias. */
export function pairShapes({ rows, count, size, own }: PairProblem): number[][] {
  const words = own ? [rows, count, 3 * size] : [count, 3 * size];
  return [words, [rows, 3 * size], [rows, size], [1, size], [1]];
}

/** The scores of such inputs. */
export function score(step: Step, inputs: Tensor[], p = 0): Tensor {
  const [words, gates, hidden, weight, bias] = inputs;
  const head = { weight: weight!, bias: bias!, dropout: { p, stream: STREAM } };
  return gruPairScore(step, words!, gruContexts(step, gates!, hidden!), head);
}

/** The dropout masks [N, K, H], from scores of one unit at a time. */
export async function masksOf(gpu: Gpu, problem: PairProblem): Promise<Float32Array> {
  const { rows, count, size, p } = problem, masks = new Float32Array(rows * count * size);
  for (let j = 0; j < size; j++) {
    using step = gpu.step({ training: true, number: 0 });
    // With all gates 0 and h = 2, h' is 1.
    const inputs = pairShapes(problem).map((shape, i) => {
      const data = new Float32Array(sizeOf(shape)).fill(i === 2 ? 2 : 0);
      if (i === 3) data[j] = 1;
      return step.upload(data, shape);
    });
    const column = await gpu.readFloats(score(step, inputs, p));
    column.forEach((m, pair) => masks[pair * size + j] = m);
  }
  return masks;
}
