/** Rows of a recurrent layer that begin anew within its run. */

/** Sizes of a layer's run: `resets` is [T, B]. */
interface Run {
  readonly batch: number;
  readonly size: number;
  readonly resets?: ArrayLike<number>;
}

/** The values [B, H] with 0 in the rows that begin anew at time t: states, or gradients on their way back. */
export function resetRows({ batch, size, resets }: Run, t: number, values: Float64Array) {
  return values.map((value, i) => resets?.[t * batch + Math.floor(i / size)] ? 0 : value);
}

/** Flags [T, B]: a row of each kind, beginning anew at the start, in the middle, at the end, never, always. */
export function resetFlags(steps: number, batch: number): Uint32Array {
  return Uint32Array.from({ length: steps * batch }, (_, i) => {
    const t = Math.floor(i / batch), kind = i % batch % 5;
    return kind === 4 || [0, steps >> 1, steps - 1][kind] === t ? 1 : 0;
  });
}
