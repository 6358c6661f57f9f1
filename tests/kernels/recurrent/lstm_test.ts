// LSTM layers against float64, on both kernel families.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Gpu, Step } from "../../../mod.ts";
import { LSTM } from "../../../nce/nn/mod.ts";
import { lstm, type LSTMState, type RecurrentWeights, sum } from "../../../kernels/ops.ts";
import type { Tensor } from "../../../mod.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies, withGpu, withHalfWeights } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";
import { readInHalf } from "../../reference/half.ts";
import { lstmLayer, type LSTMSizes, lstmStack } from "../../reference/lstm.ts";
import { resetFlags } from "../../reference/resets.ts";

const TOLERANCE = { atol: 4e-6, rtol: 2e-5 };
// Gradients of weights are sums over T * B rows.
const GRADIENT_TOLERANCE = { atol: 2e-5, rtol: 5e-5 };

/** Shapes of x and of a layer's weights. */
function shapesOf({ steps, batch, width, size }: LSTMSizes): number[][] {
  return [[steps, batch, width], [4 * size, width], [4 * size, size], [4 * size], [4 * size]];
}

function weightsOf(tensors: Tensor[]): RecurrentWeights {
  const [weightIh, weightHh, biasIh, biasHh] = tensors;
  return { weightIh: weightIh!, weightHh: weightHh!, biasIh: biasIh!, biasHh: biasHh! };
}

async function check(gpu: Gpu, sizes: LSTMSizes, withState: boolean): Promise<void> {
  const { batch, size } = sizes;
  const data = { hidden: values(batch * size, 11), cell: values(batch * size, 12, 2) };
  const upload = (step: Step): LSTMState => ({
    hidden: step.upload(data.hidden, [batch, size]),
    cell: step.upload(data.cell, [batch, size]),
  });
  await checkOp(gpu, `lstm ${JSON.stringify({ ...sizes, withState })}`, {
    shapes: shapesOf(sizes),
    oracle: lstmLayer(
      sizes,
      withState
        ? { hidden: Float64Array.from(data.hidden), cell: Float64Array.from(data.cell) }
        : undefined,
    ),
    run: (step, x, ...weights) =>
      lstm(step, x!, weightsOf(weights), withState ? { state: upload(step) } : {}).output,
    tolerance: TOLERANCE,
    gradientTolerance: GRADIENT_TOLERANCE,
  });
}

Deno.test("lstm() agrees with float64 at any size, forward and backward", () =>
  withBothFamilies(async (gpu) => {
    for (
      const [steps, batch, width, size] of [
        [1, 1, 1, 4],
        [1, 20, 5, 13],
        [3, 3, 7, 12],
        [5, 33, 9, 64],
        [2, 40, 12, 4],
        [2, 130, 3, 77], // more rows than a launch for each takes
        [2, 3, 3, 1030], // more units than a workgroup has threads
        [2, 22, 5, 8],
        [2, 27, 5, 8],
        [3, 9, 4, 1],
      ] as const
    ) await check(gpu, { steps, batch, width, size }, false);
  }));

Deno.test("lstm() reads its weights in 16 bits where that is asked for, in every way of its time steps", () =>
  withHalfWeights(async (gpu) => {
    for (const [batch, size] of [[3, 12], [70, 13]] as const) {
      const sizes = { steps: 3, batch, width: 5, size };
      await checkOp(gpu, `lstm in 16 bits, B=${batch}, H=${size}`, {
        shapes: shapesOf(sizes),
        oracle: readInHalf(lstmLayer(sizes), 1, 2),
        run: (step, x, ...weights) => lstm(step, x!, weightsOf(weights)).output,
        tolerance: TOLERANCE,
        gradientTolerance: GRADIENT_TOLERANCE,
      });
    }
  }));

Deno.test("lstm() agrees with float64 when it begins at a state", () =>
  withBothFamilies(async (gpu) => {
    for (const size of [12, 13]) {
      await check(gpu, { steps: 3, batch: 5, width: 4, size }, true);
      await check(gpu, { steps: 1, batch: 33, width: 4, size }, true);
    }
  }));

Deno.test("lstm() begins anew at resets, forward and backward", () =>
  withBothFamilies(async (gpu) => {
    for (const [batch, size] of [[3, 13], [33, 8]] as const) {
      const flags = resetFlags(4, batch);
      const sizes = { steps: 4, batch, width: 3, size, resets: flags };
      const hidden = values(batch * size, 11), cell = values(batch * size, 12, 2);
      await checkOp(gpu, `lstm with resets, B=${batch}, H=${size}`, {
        shapes: shapesOf(sizes),
        oracle: lstmLayer(sizes, {
          hidden: Float64Array.from(hidden),
          cell: Float64Array.from(cell),
        }),
        run: (step, x, ...weights) =>
          lstm(step, x!, weightsOf(weights), {
            state: {
              hidden: step.upload(hidden, [batch, size]),
              cell: step.upload(cell, [batch, size]),
            },
            resets: step.upload(flags, [4, batch]),
          }).output,
        tolerance: TOLERANCE,
        gradientTolerance: GRADIENT_TOLERANCE,
      });
    }
  }));

Deno.test("lstm() gives a final state from which it goes on as if never interrupted", () =>
  withBothFamilies(async (gpu) => {
    for (const size of [12, 13]) {
      const sizes = { steps: 4, batch: 3, width: 2, size };
      const data = shapesOf(sizes).map((shape, i) =>
        values(shape.reduce((product, n) => product * n, 1), i + 1)
      );
      using step = gpu.step();
      const shapes = shapesOf(sizes);
      const weights = weightsOf(
        data.slice(1).map((array, i) => step.upload(array, shapes[i + 1]!)),
      );
      const part = (begin: number, end: number) =>
        step.upload(data[0]!.slice(6 * begin, 6 * end), [end - begin, 3, 2]);
      const whole = lstm(step, part(0, 4), weights);
      const first = lstm(step, part(0, 3), weights);
      const second = lstm(step, part(3, 4), weights, { state: first.state });
      const expected = lstmLayer(sizes)(...data.map((array) => Float64Array.from(array)));
      for (const { state } of [whole, second]) {
        assertClose(await gpu.readFloats(state.hidden), expected.state.hidden, TOLERANCE, "hidden");
        assertClose(await gpu.readFloats(state.cell), expected.state.cell, TOLERANCE, "cell");
      }
      assertEquals(await gpu.readFloats(second.output), await gpu.readFloats(whole.state.hidden));
    }
  }));

Deno.test("lstm() stays finite when its gates saturate", () =>
  withBothFamilies(async (gpu) => {
    const sizes = { steps: 2, batch: 3, width: 2, size: 8 };
    const shapes = shapesOf(sizes);
    const data = shapes.map((shape, i) =>
      values(shape.reduce((product, n) => product * n, 1), i + 1, i === 3 ? 100 : 1)
    );
    await checkOp(gpu, "saturated lstm", {
      shapes,
      data,
      oracle: lstmLayer(sizes),
      run: (step, x, ...weights) => lstm(step, x!, weightsOf(weights)).output,
      tolerance: TOLERANCE,
      gradientTolerance: GRADIENT_TOLERANCE,
    });
  }));

Deno.test("LSTM of three layers agrees with float64, forward and backward", () =>
  withBothFamilies(async (gpu) => {
    const sizes = { steps: 3, batch: 5, width: 6, size: 12 };
    using model = new LSTM(gpu, { inputSize: 6, hiddenSize: 12, numLayers: 3, seed: 2 });
    const parameters = model.parameters().map(([, parameter]) => parameter);
    const weights = await Promise.all(parameters.map((parameter) => gpu.readFloats(parameter)));
    const x = values(90, 1), dOutput = values(180, 2);
    const expected = lstmStack(sizes, 3)(...[x, ...weights].map((a) => Float64Array.from(a)));
    using step = gpu.step({ training: true });
    const input = step.upload(x, [3, 5, 6]);
    input.requiresGrad = true;
    const { output, states } = model.forward(step, input);
    assertEquals(states.length, 3);
    assertClose(await gpu.readFloats(output), expected.output, TOLERANCE, "output");
    const weighted = step.record({
      name: "weighted",
      inputs: [output],
      output: sum(step, output),
      backward: () => [step.upload(dOutput, output.shape)],
    });
    const gradients = step.backward(weighted);
    const references = expected.backward(Float64Array.from(dOutput));
    for (const [i, tensor] of [input, ...parameters].entries()) {
      const gradient = await gpu.readFloats(gradients.toDense(tensor)!);
      assertClose(gradient, references[i]!, GRADIENT_TOLERANCE, `gradient ${i}`);
    }
  }));

Deno.test("LSTM applies dropout between layers, in training only", () =>
  withGpu(async (gpu) => {
    using model = new LSTM(gpu, { inputSize: 2, hiddenSize: 4, numLayers: 2, dropout: 0.5 });
    using single = new LSTM(gpu, { inputSize: 2, hiddenSize: 4, dropout: 0.5 });
    const run = async (layers: LSTM, training: boolean, number: number) => {
      using step = gpu.step({ training, number });
      const { output } = layers.forward(step, step.upload(values(12, 1), [2, 3, 2]));
      return (await gpu.readFloats(output)).join();
    };
    const evaluated = await run(model, false, 0);
    assertEquals(await run(model, false, 1), evaluated);
    const masks = new Set([evaluated, await run(model, true, 0), await run(model, true, 1)]);
    assertEquals(masks.size, 3);
    assertEquals(await run(single, true, 0), await run(single, false, 0));
  }));

Deno.test("LSTM has PyTorch's parameters, uniform within 1 / sqrt(H)", () =>
  withGpu(async (gpu) => {
    using model = new LSTM(gpu, { inputSize: 3, hiddenSize: 16, numLayers: 2 });
    const shapes = model.parameters().map(([name, { shape }]) => `${name} [${shape}]`);
    assertEquals(shapes, [
      "weight_ih_l0 [64,3]",
      "weight_hh_l0 [64,16]",
      "bias_ih_l0 [64]",
      "bias_hh_l0 [64]",
      "weight_ih_l1 [64,16]",
      "weight_hh_l1 [64,16]",
      "bias_ih_l1 [64]",
      "bias_hh_l1 [64]",
    ]);
    for (const [name, parameter] of model.parameters()) {
      const data = await gpu.readFloats(parameter);
      assert(data.every((w) => Math.abs(w) <= 0.25), name);
      assert(data.some((w) => Math.abs(w) > 0.2), name);
    }
  }));

Deno.test("lstm() and LSTM throw when a shape or a size is wrong", () =>
  withGpu((gpu) => {
    using model = new LSTM(gpu, { inputSize: 3, hiddenSize: 4 });
    using step = gpu.step();
    const x = step.upload(values(12, 1), [2, 3, 2]);
    assertThrows(() => model.forward(step, x), TypeError, "weightIh");
    const good = step.upload(values(18, 1), [2, 3, 3]);
    const state = step.upload(values(8, 1), [2, 4]);
    const states = [{ hidden: state, cell: state }];
    assertThrows(() => model.forward(step, good, { states }), TypeError, "state is f32 [2,4]");
    for (const size of [0, -1, 1.5]) {
      const options = { inputSize: 3, hiddenSize: size };
      assertThrows(() => new LSTM(gpu, options), RangeError, `hiddenSize is ${size}`);
    }
  }));
