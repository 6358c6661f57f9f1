/** LSTM layers in float64, one unit at a time. */

import { linear } from "./linear.ts";
import { sigmoid } from "./losses.ts";
import type { Evaluation, Oracle } from "./oracle.ts";
import { resetRows } from "./resets.ts";
import { stack } from "./stack.ts";

/** Sizes of a layer: T time steps, B rows, E inputs, H units. */
export interface LSTMSizes {
  readonly steps: number;
  readonly batch: number;
  readonly width: number;
  readonly size: number;
  /** [T, B]; not 0 where the state before an element is 0. */
  readonly resets?: ArrayLike<number>;
}

/** Hidden and cell state [B, H]. */
export interface ReferenceState {
  readonly hidden: Float64Array;
  readonly cell: Float64Array;
}

/** One unit at one time step: activated gates, new cell, and the cell before. */
interface Unit {
  readonly i: number;
  readonly f: number;
  readonly g: number;
  readonly o: number;
  readonly cell: number;
  readonly before: number;
}

/** An evaluation of a layer, with the state after its last step. */
export interface LSTMEvaluation extends Evaluation {
  readonly state: ReferenceState;
}

/**
 * One layer: x [T, B, E], W_ih [4H, E], W_hh [4H, H], b_ih [4H], b_hh [4H] to hidden states [T, B, H].
 * It begins at `state`, a constant, or at zero.
 */
export function lstmLayer(
  sizes: LSTMSizes,
  state?: ReferenceState,
): (...inputs: Float64Array[]) => LSTMEvaluation {
  const { steps, batch, width, size } = sizes;
  const cells = batch * size;
  return (...inputs) => {
    const [x, weightIh, weightHh, biasIh, biasHh] = inputs as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const fed = linear(steps * batch, width, 4 * size)(x, weightIh, biasIh);
    const recurrent = linear(batch, size, 4 * size);
    const units: Unit[][] = [], products: Evaluation[] = [];
    const output = new Float64Array(steps * cells);
    let hidden: Float64Array = state?.hidden ?? new Float64Array(cells);
    let cell: Float64Array = state?.cell ?? new Float64Array(cells);
    for (let t = 0; t < steps; t++) {
      hidden = resetRows(sizes, t, hidden);
      cell = resetRows(sizes, t, cell);
      const again = recurrent(hidden, weightHh, biasHh);
      const row = Array.from(cell, (before, j): Unit => {
        const at = Math.floor(j / size) * 4 * size + j % size;
        const gate = (q: number) => {
          return fed.output[t * batch * 4 * size + at + q * size]! + again.output[at + q * size]!;
        };
        const i = sigmoid(gate(0)), f = sigmoid(gate(1)), g = Math.tanh(gate(2));
        return { i, f, g, o: sigmoid(gate(3)), cell: f * before + i * g, before };
      });
      cell = Float64Array.from(row, (unit) => unit.cell);
      hidden = Float64Array.from(row, (unit) => unit.o * Math.tanh(unit.cell));
      output.set(hidden, t * cells);
      units.push(row), products.push(again);
    }
    const backward = (dOutput: Float64Array) => backwardLayer(sizes, units, products, fed, dOutput);
    return { output, state: { hidden, cell }, backward };
  };
}

/** Back through time: the gradients of a layer's inputs from that of its hidden states. */
function backwardLayer(
  sizes: LSTMSizes,
  units: readonly Unit[][],
  products: readonly Evaluation[],
  fed: Evaluation,
  dOutput: Float64Array,
): Float64Array[] {
  const { steps, batch, size } = sizes, cells = batch * size;
  const dGates = new Float64Array(steps * 4 * cells);
  const dWeightHh = new Float64Array(4 * size * size), dBiasHh = new Float64Array(4 * size);
  let dHidden: Float64Array = new Float64Array(cells),
    dCell: Float64Array = new Float64Array(cells);
  for (let t = steps - 1; t >= 0; t--) {
    const own = dGates.subarray(t * 4 * cells, (t + 1) * 4 * cells);
    const dBefore = new Float64Array(cells);
    units[t]!.forEach(({ i, f, g, o, cell, before }, j) => {
      const at = Math.floor(j / size) * 4 * size + j % size;
      const squashed = Math.tanh(cell), dh = dOutput[t * cells + j]! + dHidden[j]!;
      const dc = dCell[j]! + dh * o * (1 - squashed ** 2);
      own[at] = dc * g * i * (1 - i);
      own[at + size] = dc * before * f * (1 - f);
      own[at + 2 * size] = dc * i * (1 - g ** 2);
      own[at + 3 * size] = dh * squashed * o * (1 - o);
      dBefore[j] = dc * f;
    });
    const [dh, dWeight, dBias] = products[t]!.backward(own);
    dWeight!.forEach((d, i) => dWeightHh[i]! += d);
    dBias!.forEach((d, i) => dBiasHh[i]! += d);
    dHidden = resetRows(sizes, t, dh!), dCell = resetRows(sizes, t, dBefore);
  }
  const [dx, dWeightIh, dBiasIh] = fed.backward(dGates);
  return [dx!, dWeightIh!, dWeightHh, dBiasIh!, dBiasHh];
}

/** `layers` layers, each fed with the hidden states of the one below: x, then four arrays a layer. */
export function lstmStack(sizes: LSTMSizes, layers: number): Oracle {
  return stack(layers, (l) => lstmLayer({ ...sizes, width: l === 0 ? sizes.width : sizes.size }));
}
