// The variants of the kernels for GPUs that run time steps: all are right, and each is what its name says.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gru } from "../../../kernels/recurrent/gru.ts";
import { lstm, type RecurrentWeights, weightedSum } from "../../../kernels/ops.ts";
import { FIXED_TUNING, type Tuning } from "../../../kernels/mod.ts";
import type { Gpu, Step, Tensor } from "../../../mod.ts";
import { values } from "../../reference/data.ts";
import { gruLayer } from "../../reference/gru.ts";
import { lstmLayer } from "../../reference/lstm.ts";
import type { Oracle } from "../../reference/oracle.ts";
import { resetFlags } from "../../reference/resets.ts";
import { assertClose } from "../../support/close.ts";
import { limitedGpu, withBothFamilies, withGpu } from "../../support/gpu.ts";

/**
 * All time steps in one launch: four or five terms for each slice of threads; forward the last four is not
 * whole, backward two units are not there. A launch for each: 16 rows and two, and the last terms of the inner
 * dimension are not whole.
 */
const T = 4, B = 18, E = 3, H = 130;
const RESETS = resetFlags(T, B);
const STATE = [values(B * H, 11), values(B * H, 12)] as const;

const start = (step: Step) => ({
  resets: step.upload(RESETS, [T, B]),
  states: STATE.map((state) => step.upload(state, [B, H])) as [Tensor, Tensor],
});
const sizes = { steps: T, batch: B, width: E, size: H, resets: RESETS };
const [hidden, cell] = STATE.map((state) => Float64Array.from(state)) as [
  Float64Array,
  Float64Array,
];

/** A layer from a state, with resets. */
interface Kind {
  readonly gates: number;
  readonly oracle: Oracle;
  run(step: Step, x: Tensor, weights: RecurrentWeights): Tensor;
}
const LSTM: Kind = {
  gates: 4,
  oracle: lstmLayer(sizes, { hidden, cell }),
  run(step: Step, x: Tensor, weights: RecurrentWeights): Tensor {
    const { resets, states: [hidden, cell] } = start(step);
    return lstm(step, x, weights, { state: { hidden, cell }, resets }).output;
  },
};
const GRU: Kind = {
  gates: 3,
  oracle: gruLayer(sizes, hidden),
  run(step: Step, x: Tensor, weights: RecurrentWeights): Tensor {
    const { resets, states: [state] } = start(step);
    return gru(step, x, weights, { state, resets }).output;
  },
};

/** A layer's output and gradients with these variants. */
async function resultsOf(gpu: Gpu, kind: Kind, tuning: Partial<Tuning>) {
  const { gates, oracle, run } = kind;
  gpu.tuning = { ...FIXED_TUNING, ...tuning };
  using step = gpu.step({ training: true });
  const shapes = [[T, B, E], [gates * H, E], [gates * H, H], [gates * H], [gates * H]];
  const data = shapes.map((shape, i) => values(shape.reduce((n, m) => n * m), i + 1, 0.3));
  const inputs = data.map((array, i) => {
    return Object.assign(step.upload(array, shapes[i]!), { requiresGrad: true });
  });
  const [x, weightIh, weightHh, biasIh, biasHh] = inputs as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const output = run(step, x, { weightIh, weightHh, biasIh, biasHh });
  const dOutput = values(output.size, 98);
  const gradients = step.backward(weightedSum(step, output, step.upload(dOutput, output.shape)));
  const found = await Promise.all(
    [output, ...inputs.map((input) => gradients.toDense(input)!)].map((x) => gpu.readFloats(x)),
  );
  const expected = oracle(...data.map((array) => Float64Array.from(array)));
  const references = [expected.output, ...expected.backward(Float64Array.from(dOutput))];
  for (const [i, some] of found.entries()) {
    const what = `${JSON.stringify(tuning)}, ${gates} gates, result ${i}`;
    assertClose(some, references[i]!, { atol: 3e-5, rtol: 1e-4 }, what);
  }
  return found;
}

Deno.test("recurrent layers agree with float64 in one launch and in one a time step, and repeat their bits", () =>
  withGpu(async (gpu) => {
    for (const kind of [LSTM, GRU]) {
      const whole = await resultsOf(gpu, kind, {}), steps = { wholeRows: 0 };
      const stepwise = await resultsOf(gpu, kind, steps);
      assertNotEquals(stepwise, whole); // else these would be the same kernels
      assertEquals(await resultsOf(gpu, kind, {}), whole);
      assertEquals(await resultsOf(gpu, kind, steps), stepwise);
      assertEquals(await resultsOf(gpu, kind, { wholeUnits: 0 }), stepwise);
    }
  }, { family: "hardware" }));

Deno.test("an infinite recurrent weight saturates its unit, and makes no NaN of what is not there", () =>
  withBothFamilies(async (gpu) => {
    const [T, B] = [2, 3];
    const outputOf = async (H: number, weight: number, tuning: Partial<Tuning> = {}) => {
      // Of the size class of a weight [4 * 12, 12] without a last row of zeros.
      const stale = Array.from({ length: 4 }, () => gpu.temporary([640]));
      for (const tensor of stale) gpu.write(tensor, new Float32Array(640).fill(NaN));
      for (const tensor of stale) tensor.dispose();
      gpu.tuning = { ...FIXED_TUNING, ...tuning };
      using step = gpu.step();
      const weightHh = values(4 * H * H, 1);
      weightHh[H - 1] = weight; // from the last unit's state to the first unit's gate i
      const output = lstm(step, step.upload(values(T * B * H, 2), [T, B, H]), {
        weightIh: step.upload(values(4 * H * H, 3), [4 * H, H]),
        weightHh: step.upload(weightHh, [4 * H, H]),
        biasIh: step.upload(values(4 * H, 4)),
        biasHh: step.upload(values(4 * H, 5)),
      }).output;
      return await gpu.readFloats(output);
    };
    for (const H of [5, 12]) {
      const usual = await outputOf(H, 1e30);
      for (const tuning of [{}, { wholeRows: 0 }]) {
        const large = await outputOf(H, 1e30, tuning);
        assertEquals(await outputOf(H, Infinity, tuning), large);
        assertClose(large, usual);
      }
    }
  }));

/** The constants of the pipelines of `gpu` that have this one: `LANES`, those that run all time steps. */
function watchConstants({ device }: Gpu, name: string): Record<string, number>[] {
  const found: Record<string, number>[] = [], create = device.createComputePipeline.bind(device);
  device.createComputePipeline = (descriptor) => {
    const { constants = {} } = descriptor.compute;
    if (name in constants) found.push({ ...constants });
    return create(descriptor);
  };
  return found;
}

// 132 units and their states take 2,640 bytes, a thread 16; a slice of all units has 132 threads.
Deno.test("all time steps run in one launch if a workgroup of the device can hold a row's units", async () => {
  for (
    const [threads, bytes, slices] of [
      [1024, 2640 + 16 * 6 * 132, 6],
      [1024, 2640 + 16 * 6 * 132 - 1, 5],
      [256, 16_384, 1],
      [131, 16_384, 0],
      [1024, 2640 + 16 * 132 - 1, 0],
    ] as const
  ) {
    await using gpu = await limitedGpu({
      maxComputeInvocationsPerWorkgroup: threads,
      maxComputeWorkgroupStorageSize: bytes,
    }, { family: "hardware" });
    const found = watchConstants(gpu, "LANES");
    await resultsOf(gpu, GRU, {});
    const both = [
      { FORWARD: 1, LANES: 132, SLICES: slices },
      { FORWARD: 0, LANES: 33, SLICES: 4 * slices },
    ];
    const expected = both.map((own) => ({ GATES: 3, UNITS: 132, ...own }));
    assertEquals(found, slices > 0 ? expected : [], `${threads} threads, ${bytes} bytes`);
  }
});

Deno.test("a time step takes half of its threads where a workgroup may not have more, and agrees with float64", async () => {
  for (const [threads, shares] of [[512, 2], [511, 1]] as const) {
    const limits = { maxComputeInvocationsPerWorkgroup: threads };
    await using gpu = await limitedGpu(limits, { family: "hardware" });
    const found = watchConstants(gpu, "SHARES");
    for (const kind of [LSTM, GRU]) await resultsOf(gpu, kind, { wholeRows: 0 });
    const expected = [4, 4, 3, 3].map((gates) => ({ GATES: gates, SHARES: shares }));
    assertEquals(found, expected, `${threads} threads`);
  }
});

Deno.test("all time steps run in one launch of more rows than a grid's dimension has workgroups", async () => {
  // 18 rows as 4 of 5 workgroups, of which two have none.
  const limits = { maxComputeWorkgroupsPerDimension: 5 };
  await using gpu = await limitedGpu(limits, { family: "hardware" });
  const found = watchConstants(gpu, "LANES");
  for (const kind of [LSTM, GRU]) await resultsOf(gpu, kind, {});
  assertEquals(found.map(({ GATES, FORWARD }) => [GATES, FORWARD]), [[4, 1], [4, 0], [3, 1], [
    3,
    0,
  ]]);
});

Deno.test("a row that is not a number leaves the other rows as they are", () =>
  withBothFamilies(async (gpu) => {
    const [T, B, odd] = [3, 3, 1], isOdd = (i: number, H: number) => Math.floor(i / H) % B === odd;
    for (const H of [5, 12]) {
      const resultsWith = async (value: number) => {
        using step = gpu.step({ training: true });
        const data = values(T * B * H, 2).map((x, i) => isOdd(i, H) ? value : x);
        const x = Object.assign(step.upload(data, [T, B, H]), { requiresGrad: true });
        const { output } = lstm(step, x, {
          weightIh: step.upload(values(4 * H * H, 3), [4 * H, H]),
          weightHh: step.upload(values(4 * H * H, 1), [4 * H, H]),
          biasIh: step.upload(values(4 * H, 4)),
          biasHh: step.upload(values(4 * H, 5)),
        });
        const gradients = step.backward(
          weightedSum(step, output, step.upload(values(T * B * H, 6), output.shape)),
        );
        const found = [output, gradients.toDense(x)!].map((tensor) => gpu.readFloats(tensor));
        return await Promise.all(found);
      };
      for (const tuning of [{}, { wholeRows: 0 }]) {
        gpu.tuning = { ...FIXED_TUNING, ...tuning };
        const usual = await resultsWith(0), found = await resultsWith(NaN);
        found.forEach((array, i) => {
          assert(array.every((x, at) => isOdd(at, H) ? Number.isNaN(x) : x === usual[i]![at]));
        });
      }
    }
  }));
