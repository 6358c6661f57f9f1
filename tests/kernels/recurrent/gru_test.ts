// GRU layers against float64.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { sizeOf } from "../../../kernels/device/dtype.ts";
import { gru } from "../../../kernels/recurrent/gru.ts";
import type { Tensor } from "../../../mod.ts";
import { GRU } from "../../../nce/nn/mod.ts";
import { type RecurrentWeights, weightedSum } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies, withGpu, withHalfWeights } from "../../support/gpu.ts";
import { exact, values } from "../../reference/data.ts";
import { readInHalf } from "../../reference/half.ts";
import * as reference from "../../reference/gru.ts";
import { resetFlags } from "../../reference/resets.ts";
import { assertGradients } from "../../reference/oracle.ts";

function layerShapes({ steps, batch, width, size }: reference.GRUSizes): number[][] {
  return [[steps, batch, width], [3 * size, width], [3 * size, size], [3 * size], [3 * size]];
}

function weightsOf([weightIh, weightHh, biasIh, biasHh]: Tensor[]): RecurrentWeights {
  return { weightIh: weightIh!, weightHh: weightHh!, biasIh: biasIh!, biasHh: biasHh! };
}

Deno.test("the GRU layer oracles' gradients agree with central differences", () => {
  const sizes = { steps: 3, batch: 2, width: 3, size: 4 };
  const state = Float64Array.from(values(8, 9));
  for (const resets of [new Uint32Array(6), resetFlags(3, 2)]) {
    const layer = reference.gruLayer({ ...sizes, resets }, state);
    assertGradients(layer, exact(layerShapes(sizes)), "layer");
  }
  const stacked = [...layerShapes(sizes), ...layerShapes({ ...sizes, width: 4 }).slice(1)];
  assertGradients(reference.gruStack(sizes, 2), exact(stacked), "stack");
});

Deno.test("gru() agrees with float64 at any size", () =>
  withBothFamilies(async (gpu) => {
    const all = [[1, 1, 1, 1], [3, 2, 5, 8], [2, 33, 3, 68], [2, 5, 7, 65], [
      4,
      21,
      6,
      12,
    ]] as const;
    for (const [steps, batch, width, size] of all) {
      const sizes = { steps, batch, width, size };
      await checkOp(gpu, `gru T=${steps}, B=${batch}, E=${width}, H=${size}`, {
        shapes: layerShapes(sizes),
        oracle: reference.gruLayer(sizes),
        run: (step, x, ...weights) => gru(step, x!, weightsOf(weights)).output,
        gradientTolerance: { atol: 1e-5, rtol: 1e-4 },
      });
    }
  }));

Deno.test("gru() reads its weights in 16 bits where that is asked for, in every way of its time steps", () =>
  withHalfWeights(async (gpu) => {
    for (const [batch, size] of [[3, 12], [70, 13]] as const) {
      const sizes = { steps: 3, batch, width: 5, size };
      await checkOp(gpu, `gru in 16 bits, B=${batch}, H=${size}`, {
        shapes: layerShapes(sizes),
        oracle: readInHalf(reference.gruLayer(sizes), 1, 2),
        run: (step, x, ...weights) => gru(step, x!, weightsOf(weights)).output,
        gradientTolerance: { atol: 1e-5, rtol: 1e-4 },
      });
    }
  }));

Deno.test("gru() begins anew at resets, forward and backward", () =>
  withBothFamilies(async (gpu) => {
    for (const [batch, size] of [[3, 5], [33, 8]] as const) {
      const flags = resetFlags(4, batch), state = values(batch * size, 9);
      const sizes = { steps: 4, batch, width: 3, size, resets: flags };
      await checkOp(gpu, `gru with resets, B=${batch}, H=${size}`, {
        shapes: layerShapes(sizes),
        oracle: reference.gruLayer(sizes, Float64Array.from(state)),
        run: (step, x, ...weights) =>
          gru(step, x!, weightsOf(weights), {
            state: step.upload(state, [batch, size]),
            resets: step.upload(flags, [4, batch]),
          }).output,
        gradientTolerance: { atol: 1e-5, rtol: 1e-4 },
      });
    }
  }));

Deno.test("gru() begins at the state it is given, and returns the last", () =>
  withBothFamilies(async (gpu) => {
    for (const size of [3, 8]) {
      const sizes = { steps: 3, batch: 2, width: 4, size }, state = values(2 * size, 9);
      let last: Tensor | undefined;
      const oracle = reference.gruLayer(sizes, Float64Array.from(state));
      await checkOp(gpu, `gru from a state, H=${size}`, {
        shapes: layerShapes(sizes),
        oracle,
        run: (step, x, ...weights) => {
          const start = { state: step.upload(state, [2, size]) };
          const { output, state: end } = gru(step, x!, weightsOf(weights), start);
          last = step.keep(end);
          return output;
        },
      });
      const { output } = oracle(...exact(layerShapes(sizes)) as [Float64Array]);
      assertClose(await gpu.readFloats(last!), output.subarray(4 * size), {}, "last state");
      last!.dispose();
    }
  }));

Deno.test("GRU stacks layers, named and shaped as in PyTorch", () =>
  withGpu(async (gpu) => {
    const sizes = { steps: 3, batch: 4, width: 5, size: 8 };
    using layers = new GRU(gpu, { inputSize: 5, hiddenSize: 8, numLayers: 2, seed: 3 });
    const parameters = layers.parameters();
    assertEquals(parameters.map(([name, { shape }]) => `${name} ${shape}`), [
      ...["weight_ih_l0 24,5", "weight_hh_l0 24,8", "bias_ih_l0 24", "bias_hh_l0 24"],
      ...["weight_ih_l1 24,8", "weight_hh_l1 24,8", "bias_ih_l1 24", "bias_hh_l1 24"],
    ]);
    for (const [name, parameter] of parameters) {
      const initial = await gpu.readFloats(parameter), range = 1 / Math.sqrt(8);
      assert(initial.every((x) => x >= -range && x < range), name);
    }
    const weights = parameters.map(([, tensor], i) => {
      const data = values(tensor.size, 20 + i);
      gpu.write(tensor, data);
      return Float64Array.from(data);
    });
    using step = gpu.step({ training: true });
    const xs = values(60, 1), dOutput = values(96, 2);
    const { output, states } = layers.forward(step, step.upload(xs, [3, 4, 5]));
    assertEquals(states.map(({ shape }) => shape), [[4, 8], [4, 8]]);
    const expected = reference.gruStack(sizes, 2)(Float64Array.from(xs), ...weights);
    assertClose(await gpu.readFloats(output), expected.output, {}, "output");
    const loss = weightedSum(step, output, step.upload(dOutput, [3, 4, 8]));
    const gradients = step.backward(loss);
    const [, ...dWeights] = expected.backward(Float64Array.from(dOutput));
    for (const [i, [name, parameter]] of parameters.entries()) {
      const found = await gpu.readFloats(gradients.toDense(parameter)!);
      assertClose(found, dWeights[i]!, { atol: 1e-5, rtol: 1e-4 }, name);
    }
  }));

Deno.test("gru() throws a TypeError when a shape does not fit", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const tensor = (...shape: number[]) => step.upload(values(sizeOf(shape), 1), shape);
    const good = {
      weightIh: tensor(6, 3),
      weightHh: tensor(6, 2),
      biasIh: tensor(6),
      biasHh: tensor(6),
    };
    const x = tensor(4, 5, 3);
    for (const name of Object.keys(good)) {
      const weights = { ...good, [name]: tensor(5, 2) };
      assertThrows(() => gru(step, x, weights), TypeError, "Cannot run gru");
    }
    assertThrows(() => gru(step, tensor(20, 3), good), TypeError, "x is");
    assertThrows(() => gru(step, x, good, { state: tensor(2, 5) }), TypeError, "state is");
  }));
