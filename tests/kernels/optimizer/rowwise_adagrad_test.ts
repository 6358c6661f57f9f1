// Row-wise Adagrad against its formula in float64, by dense and by sparse gradients, and of tables in parts.

import { assertEquals } from "@std/assert";
import type { Gpu } from "../../../mod.ts";
import { Adagrad } from "../../../nce/nn/mod.ts";
import { gather, weightedSum } from "../../../kernels/ops.ts";
import { partsOf } from "../../../kernels/device/tensor.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";

const [V, STEPS] = [200, 6];
const [LR, DECAY, CLIP] = [0.3, 0.1, 4];

/** Row-wise Adagrad of a table whose rows have `W` elements. */
class Oracle {
  readonly squares = new Float64Array(V);

  constructor(readonly table: Float64Array, readonly W: number) {}

  /** Updates by the gradients of some rows, which may occur several times. */
  step(ids: Uint32Array, gradients: Float32Array, weightDecay: number): void {
    const { W } = this, rows = new Map<number, Float64Array>();
    ids.forEach((row, i) => {
      const sum = rows.get(row) ?? new Float64Array(W);
      rows.set(row, sum.map((g, e) => g + gradients[i * W + e]!));
    });
    const norm = Math.hypot(...[...rows.values()].flatMap((row) => [...row]));
    const scale = Math.min(1, CLIP / norm);
    for (const [row, sum] of rows) {
      const d = sum.map((g, e) => scale * g + weightDecay * this.table[row * W + e]!);
      this.squares[row]! += d.reduce((all, x) => all + x * x, 0) / W;
      d.forEach((x, e) => this.table[row * W + e]! -= LR * x / Math.sqrt(this.squares[row]!));
    }
  }
}

async function check(gpu: Gpu, W: number): Promise<void> {
  const init = values(V * W, 1), oracle = new Oracle(Float64Array.from(init), W);
  using table = gpu.table([V, W], init);
  table.requiresGrad = true;
  const options = { lr: LR, weightDecay: DECAY, clip: CLIP, rowwise: true };
  using optimizer = new Adagrad(gpu, [["table", table]], options);
  for (let number = 0; number < STEPS; number++) {
    const all = Uint32Array.from({ length: V }, (_, row) => row);
    // Whole tables must lie in one buffer to be summed.
    const dense = number % 3 === 1 && partsOf(table).length === 1;
    const ids = dense ? all : randomIds(90, V, number), gradients = values(ids.length * W, number);
    using step = gpu.step({ training: true });
    const rows = dense ? table : gather(step, table, step.upload(ids));
    const loss = weightedSum(step, rows, step.upload(gradients, [ids.length, W]));
    const found = step.backward(loss);
    assertEquals(found.get(table)?.kind, dense ? "dense" : "sparse");
    optimizer.step(found);
    oracle.step(ids, gradients, dense ? DECAY : 0);
  }
  assertClose(await gpu.readFloats(table), oracle.table, { atol: 2e-6, rtol: 1e-5 }, `W = ${W}`);
  const squares = (await optimizer.save()).tensors["table.squares"]!;
  assertEquals(squares.shape, [V]);
  assertClose(squares.data, oracle.squares, { rtol: 1e-5 }, `squares, W = ${W}`);
}

for (const maxBindingBytes of [2 ** 27, 1]) {
  Deno.test(`row-wise Adagrad is its formula, with buffers of ${maxBindingBytes} bytes`, () =>
    withBothFamilies(async (gpu) => {
      for (const W of [1, 3, 8, 260]) await check(gpu, W);
    }, { maxBindingBytes }));
}
