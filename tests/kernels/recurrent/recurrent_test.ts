// What recurrent layers share: how little they record, the packed weight, and the final states.

import { assertEquals } from "@std/assert";
import { gru } from "../../../kernels/recurrent/gru.ts";
import { packWeight } from "../../../kernels/recurrent/pack_weight.ts";
import { lstm, type RecurrentWeights, sum } from "../../../kernels/ops.ts";
import type { Step, Tensor } from "../../../mod.ts";
import { values } from "../../reference/data.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";

/** T B H floats, 315, are no place for a tensor to begin. */
const T = 3, B = 7, E = 5, H = 15;

/** A layer's output and final states, from zero or from the state `first`. */
type Layer = (step: Step, x: Tensor, weights: RecurrentWeights, first?: Tensor) => {
  output: Tensor;
  states: Tensor[];
};
const LAYERS: Readonly<Record<"lstm" | "gru", { gates: number; run: Layer }>> = {
  lstm: {
    gates: 4,
    run(step, x, weights, first) {
      const start = first && { state: { hidden: first, cell: first } };
      const { output, state: { hidden, cell } } = lstm(step, x, weights, start);
      return { output, states: [hidden, cell] };
    },
  },
  gru: {
    gates: 3,
    run(step, x, weights, first) {
      const { output, state } = gru(step, x, weights, { state: first });
      return { output, states: [state] };
    },
  },
};

/** A layer's parameters. */
function weightsOf(step: Step, gates: number): RecurrentWeights {
  const make = (seed: number, ...shape: number[]) => {
    const data = values(shape.reduce((n, m) => n * m), seed);
    return Object.assign(step.upload(data, shape), { requiresGrad: true });
  };
  return {
    weightIh: make(2, gates * H, E),
    weightHh: make(3, gates * H, H),
    biasIh: make(4, gates * H),
    biasHh: make(5, gates * H),
  };
}

/** A layer's parameters and its input, written. */
function inputsOf(step: Step, name: keyof typeof LAYERS) {
  const weights = weightsOf(step, LAYERS[name].gates);
  return { weights, x: step.upload(values(T * B * E, 1), [T, B, E]) };
}

/**
 * Records a layer, and its way back in training, with `use` of its final states in between; returns the
 * gradients of its parameters.
 */
function record(
  step: Step,
  name: keyof typeof LAYERS,
  { x, weights }: ReturnType<typeof inputsOf>,
  use: (state: Tensor) => void = () => {},
): Tensor[] {
  const { output, states } = LAYERS[name].run(step, x, weights);
  states.forEach(use);
  if (!step.training) return [];
  const gradients = step.backward(sum(step, output));
  return Object.values(weights).map((weight) => gradients.toDense(weight)!);
}

/** How many copies between buffers and clears are recorded while `body` runs: each ends a pass. */
function interruptions(body: () => void): number {
  const { prototype } = GPUCommandEncoder, { clearBuffer, copyBufferToBuffer } = prototype;
  let count = 0;
  const counted = (command: (...args: never[]) => undefined) =>
    function (this: GPUCommandEncoder, ...args: unknown[]): undefined {
      count++;
      Reflect.apply(command, this, args);
    };
  prototype.clearBuffer = counted(clearBuffer);
  prototype.copyBufferToBuffer = counted(copyBufferToBuffer);
  try {
    body();
    return count;
  } finally {
    Object.assign(prototype, { clearBuffer, copyBufferToBuffer });
  }
}

Deno.test("a recurrent layer is one launch each way and one for its weight, without a copy or a clear", () =>
  withGpu(async (gpu) => {
    for (const name of ["lstm", "gru"] as const) {
      for (const training of [false, true]) {
        const { rows } = await gpu.profile(() => {
          using step = gpu.step({ training });
          const inputs = inputsOf(step, name);
          assertEquals(interruptions(() => record(step, name, inputs)), 0);
          assertEquals(interruptions(() => gpu.clear(step.tensor([1]))), 1, "they are counted");
        });
        const own = rows.filter(({ label }) => !/sum|fill/.test(label));
        // The gradients of both weights and of the biases are a product and, of odd rows, a combine.
        const back = { [`${name}.backward`]: 1, matmul: 3 };
        assertEquals(
          Object.fromEntries(own.map(({ label, runs }) => [label, runs])),
          { packWeight: 1, [`${name}.forward`]: 1, matmul: 1, ...training && back },
        );
      }
    }
  }, { family: "hardware" }));

Deno.test("a recurrent layer that begins at a state takes one launch more, whatever states it has", () =>
  withBothFamilies(async (gpu) => {
    for (const [name, { gates, run }] of Object.entries(LAYERS)) {
      const { rows } = await gpu.profile(() => {
        using step = gpu.step();
        const x = step.upload(values(T * B * E, 1), [T, B, E]);
        run(step, x, weightsOf(step, gates), step.upload(values(B * H, 6), [B, H]));
      });
      const first = rows.filter(({ label }) => label === `${name}.first`);
      assertEquals(first.map(({ runs }) => runs), [1], name);
    }
  }));

Deno.test("a recurrent layer needs no copy between buffers and no clear on software adapters", () =>
  withGpu((gpu) => {
    for (const name of ["lstm", "gru"] as const) {
      using step = gpu.step({ training: true });
      const inputs = inputsOf(step, name);
      assertEquals(interruptions(() => record(step, name, inputs)), 0);
    }
  }, { family: "software" }));

Deno.test("packWeight() puts the gates beside each other, for one pass or both, then zeros", () =>
  withGpu(async (gpu) => {
    for (const gates of [4, 3]) {
      const data = values(gates * H * H, 1);
      const expected = (at: (k: number, j: number) => number) =>
        Float32Array.from({ length: (H + 1) * H * 4 }, (_, i) => {
          const gate = i % 4, j = (i >> 2) % H, k = Math.floor(i / 4 / H);
          return gate < gates && k < H ? data[gate * H * H + at(k, j)]! : 0;
        });
      using step = gpu.step();
      const weight = step.upload(data, [gates * H, H]);
      const { forward, backward } = packWeight(step, weight, true);
      const forwardAlone = packWeight(step, weight, false);
      const to = expected((k, j) => j * H + k), back = expected((k, j) => k * H + j);
      assertEquals(await gpu.readFloats(forward), to);
      assertEquals(await gpu.readFloats(backward!), back);
      assertEquals(await gpu.readFloats(forwardAlone.forward), to);
      assertEquals(forwardAlone.backward, undefined);
    }
  }, { family: "hardware" }));

Deno.test("a recurrent layer's final states outlive their step, and no gradient depends on them", () =>
  withBothFamilies(async (gpu) => {
    const read = (tensors: Tensor[]) => Promise.all(tensors.map((x) => gpu.readFloats(x)));
    for (const name of ["lstm", "gru"] as const) {
      const gradients = async (use: (step: Step, state: Tensor) => void) => {
        using step = gpu.step({ training: true });
        return await read(record(step, name, inputsOf(step, name), (state) => use(step, state)));
      };
      const states: Tensor[] = [];
      const plain = await gradients((step, state) => void states.push(step.keep(state)));
      const before = await read(states);
      const nothing = new Float32Array(B * H).fill(NaN);
      assertEquals(await gradients((_, state) => gpu.write(state, nothing)), plain);
      assertEquals(await read(states), before, "another step has used what was free");
      for (const state of states) state.dispose();
    }
  }));
