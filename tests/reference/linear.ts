/** Products with tables and matrices in float64: linear layers, row look-up, scores of chosen rows. */

import { columnSums } from "./arithmetic.ts";
import type { Oracle } from "./oracle.ts";

/** Transpose of `a` [rows, columns]. */
export function transpose(a: Float64Array, rows: number, columns: number): Float64Array {
  return a.map((_, i) => a[(i % rows) * columns + Math.floor(i / rows)]!);
}

/** `a b` for a [m, k] and b [k, n]. */
export function product(
  a: Float64Array,
  b: Float64Array,
  m: number,
  k: number,
  n: number,
): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let s = 0; s < k; s++) {
      const factor = a[i * k + s]!;
      for (let j = 0; j < n; j++) out[i * n + j]! += factor * b[s * n + j]!;
    }
  }
  return out;
}

/** `op(a) op(b)`, where op(a) is [m, k] and op(b) is [k, n]. */
export function matmul(
  m: number,
  k: number,
  n: number,
  { transposeA = false, transposeB = false } = {},
): Oracle {
  return (a, b) => {
    const left = transposeA ? transpose(a, k, m) : a;
    const right = transposeB ? transpose(b!, n, k) : b!;
    return {
      output: product(left, right, m, k, n),
      backward: (dOutput) => {
        const dLeft = product(dOutput, transpose(right, k, n), m, n, k);
        const dRight = product(transpose(left, m, k), dOutput, k, m, n);
        return [
          transposeA ? transpose(dLeft, m, k) : dLeft,
          transposeB ? transpose(dRight, k, n) : dRight,
        ];
      },
    };
  };
}

/** `x weight^T + bias` for x [rows, width], weight [features, width]; without bias if none is given. */
export function linear(rows: number, width: number, features: number): Oracle {
  const multiplied = matmul(rows, width, features, { transposeB: true });
  return (x, weight, bias) => {
    const { output, backward } = multiplied(x, weight!);
    return {
      output: output.map((y, i) => y + (bias?.[i % features] ?? 0)),
      backward: (dOutput) => {
        const gradients = backward(dOutput);
        return bias ? [...gradients, columnSums(dOutput, features)] : gradients;
      },
    };
  };
}

/** `out[p, e] = table[ids[p], e]` */
export function gather(ids: ArrayLike<number>, width: number): Oracle {
  const place = (i: number) => ids[Math.floor(i / width)]! * width + i % width;
  return (table) => ({
    output: Float64Array.from({ length: ids.length * width }, (_, i) => table[place(i)]!),
    backward: (dOutput) => {
      const dTable = new Float64Array(table.length);
      dOutput.forEach((d, i) => dTable[place(i)]! += d);
      return [dTable];
    },
  });
}

/** `out[n, e] = sum over h of weights[n, h] * table[ids[n, h], e]`, H a row. */
export function embeddingBag(
  ids: ArrayLike<number>,
  weights: ArrayLike<number>,
  H: number,
  width: number,
): Oracle {
  return (table) => {
    const output = new Float64Array(ids.length / H * width);
    const each = (use: (row: number, out: number, weight: number) => void) => {
      for (let p = 0; p < ids.length; p++) {
        for (let e = 0; e < width; e++) {
          use(ids[p]! * width + e, Math.floor(p / H) * width + e, weights[p]!);
        }
      }
    };
    each((row, out, weight) => output[out]! += weight * table[row]!);
    return {
      output,
      backward: (dOutput) => {
        const dTable = new Float64Array(table.length);
        each((row, out, weight) => dTable[row]! += weight * dOutput[out]!);
        return [dTable];
      },
    };
  };
}

/** `score[n, k] = bias[ids[n, k]] + x[n] . table[ids[n, k]]` for `count` ids a row. */
export function indexScore(ids: ArrayLike<number>, count: number, width: number): Oracle {
  return (x, table, bias) => {
    const row = (p: number) => Math.floor(p / count) * width;
    const score = (_: unknown, p: number) => {
      let sum = bias![ids[p]!]!;
      for (let e = 0; e < width; e++) sum += x[row(p) + e]! * table![ids[p]! * width + e]!;
      return sum;
    };
    return {
      output: Float64Array.from({ length: ids.length }, score),
      backward: (dScores) => {
        const gradients = [x, table!, bias!].map((input) => new Float64Array(input.length));
        const [dx, dTable, dBias] = gradients;
        dScores.forEach((d, p) => {
          dBias![ids[p]!]! += d;
          for (let e = 0; e < width; e++) {
            dx![row(p) + e]! += d * table![ids[p]! * width + e]!;
            dTable![ids[p]! * width + e]! += d * x[row(p) + e]!;
          }
        });
        return gradients;
      },
    };
  };
}
