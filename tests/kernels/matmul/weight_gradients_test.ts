// Gradients of weights and biases: in how many launches, with what bits. Any sizes: weight_gradients_property_test.ts.

import { assertEquals, assertThrows } from "@std/assert";
import type { Gpu } from "../../../mod.ts";
import { columnSums } from "../../../kernels/matmul/column_sums.ts";
import { matmulInto } from "../../../kernels/matmul/matmul.ts";
import {
  inOneLaunch,
  type WeightGradient,
  weightGradients,
} from "../../../kernels/matmul/weight_gradients.ts";
import { TILES } from "../../../kernels/matmul/workgroup_tile.ts";
import { limitedGpu, withGpu } from "../../support/gpu.ts";
import {
  assertWithin,
  inOrder,
  numbers,
  referenceMatmul,
  unequal,
} from "../../reference/matmul.ts";

const [M, W] = [72, 20];

/** Maps from W to M units, for N rows, that share dOut as those of an LSTM do; the first has a bias. */
function mapsOf(gpu: Gpu, owner: DisposableStack, N: number, count: number): WeightGradient[] {
  const tensor = (shape: number[], seed: number) =>
    owner.use(gpu.tensor(shape, numbers(shape.reduce((a, b) => a * b), seed)));
  const dOut = tensor([N, M], 1);
  return Array.from({ length: count }, (_, i) => ({
    dOut,
    x: tensor([N, W], 2 + i),
    dWeight: tensor([M, W], 9),
    dBias: i === 0 ? tensor([M], 9) : undefined,
  }));
}

/** What `run` makes of some maps, and the launches that it takes. */
async function resultOf(
  gpu: Gpu,
  N: number,
  count: number,
  run: (gpu: Gpu, maps: WeightGradient[]) => void = weightGradients,
) {
  using owner = new DisposableStack();
  const maps = mapsOf(gpu, owner, N, count), launches: string[] = [], { dispatch } = gpu;
  gpu.dispatch = (launch) => {
    const { label, entry = "main", inputs, outputs } = launch;
    launches.push(`${label} ${entry} ${inputs.length + outputs.length}`);
    dispatch.call(gpu, launch);
  };
  run(gpu, maps);
  gpu.dispatch = dispatch;
  const tensors = maps.flatMap(({ dWeight, dBias }) => dBias ? [dWeight, dBias] : [dWeight]);
  return { launches, values: await Promise.all(tensors.map((tensor) => gpu.readFloats(tensor))) };
}

Deno.test("weightGradients() takes a launch on GPUs, and one more where sums are cut", () =>
  withGpu(async (gpu) => {
    assertEquals((await resultOf(gpu, 40, 1)).launches, ["matmul main 4"]);
    assertEquals((await resultOf(gpu, 40, 2)).launches, ["matmul main 8"]);
    const cut = await resultOf(gpu, 300, 2);
    assertEquals(cut.launches, ["matmul main 8", "matmul combine 8"]);
    assertEquals(cut.values, (await resultOf(gpu, 300, 2)).values, "equal bits when called again");
    const alone = await resultOf(gpu, 300, 1);
    assertEquals(cut.values.slice(0, 2), alone.values, "a map does not depend on another");
  }, { family: "hardware" }));

Deno.test("weightGradients() binds no more than the device can", async () => {
  const found = [];
  for (const maxStorageBuffersPerShaderStage of [4, 8]) {
    await using gpu = await limitedGpu({ maxStorageBuffersPerShaderStage }, { family: "hardware" });
    found.push(await resultOf(gpu, 40, 3));
  }
  assertEquals(found.map(({ launches }) => launches.map((name) => Number(name.split(" ")[2]))), [
    [4, 4, 4],
    [8, 4],
  ]);
  for (const { values } of found) assertEquals(values, found[0]!.values);
});

Deno.test("weightGradients() is the product and the sums of columns on software adapters", () =>
  withGpu(async (gpu) => {
    const separate = (gpu: Gpu, maps: WeightGradient[]) => {
      for (const { dOut, x, dWeight, dBias } of maps) {
        matmulInto(gpu, dWeight, dOut, x, { transposeA: true });
        if (dBias) columnSums(gpu, dBias, dOut);
      }
    };
    assertEquals(await resultOf(gpu, 300, 2), await resultOf(gpu, 300, 2, separate));
  }, { family: "software" }));

Deno.test("weightGradients() agrees with float64 in every tile", () =>
  withGpu(async (gpu) => {
    const N = 70, dOut = numbers(N * M, 1);
    const reference = (x: Float32Array, n: number) =>
      referenceMatmul(dOut, x, { m: M, n, k: N, transposeA: true });
    for (const tile of TILES) {
      const run = (gpu: Gpu, maps: WeightGradient[]) => inOneLaunch(gpu, maps, { tile, depth: 48 });
      const { values } = await resultOf(gpu, N, 2, run);
      assertWithin(values[0]!, reference(numbers(N * W, 2), W), "the first weight");
      assertWithin(values[1]!, reference(new Float32Array(N).fill(1), 1), "the bias");
      assertWithin(values[2]!, reference(numbers(N * W, 3), W), "the second weight");
    }
  }, { family: "hardware" }));

Deno.test("weightGradients() adds up any number of chunks in order", () =>
  withGpu(async (gpu) => {
    const depth = 16, tile = TILES[1]!, [M, W] = [3, 5];
    for (let chunks = 2; chunks <= 30; chunks++) {
      const N = chunks * depth - 1, terms = unequal(chunks); // a row of each chunk is not zero
      const data = Float32Array.from({ length: N * M }, (_, i) => {
        const n = Math.floor(i / M);
        return n % depth === 0 ? terms[n / depth]! : 0;
      });
      using dOut = gpu.tensor([N, M], data),
        x = gpu.tensor([N, W], new Float32Array(N * W).fill(1));
      using dWeight = gpu.tensor([M, W]), dBias = gpu.tensor([M]);
      inOneLaunch(gpu, [{ dOut, x, dWeight, dBias }], { tile, depth });
      const sum = inOrder(terms), name = `${chunks} chunks`;
      assertEquals(await gpu.readFloats(dWeight), new Float32Array(M * W).fill(sum), name);
      assertEquals(await gpu.readFloats(dBias), new Float32Array(M).fill(sum), name);
    }
  }, { family: "hardware" }));

Deno.test("weightGradients() throws a TypeError when shapes do not fit", () =>
  withGpu((gpu) => {
    using owner = new DisposableStack();
    const [map, other] = mapsOf(gpu, owner, 3, 2), [longer] = mapsOf(gpu, owner, 4, 1);
    const throws = (message: string, ...maps: WeightGradient[]) =>
      assertThrows(() => weightGradients(gpu, maps), TypeError, message);
    throws(`x is f32 [4,${W}]`, { ...map!, x: longer!.x });
    throws(`dOut is f32 [4,${M}]`, other!, longer!);
    throws(`dWeight is f32 [3,${W}]`, { ...map!, dWeight: map!.x });
    throws(`dBias is f32 [3,${W}]`, { ...map!, dBias: map!.x });
  }));
