// Gradients of weights and biases against float64: at any sizes, cut in any way, with the kernel for GPUs.

import { assert } from "@std/assert";
import fc from "fast-check";
import type { Gpu, Tensor } from "../../../mod.ts";
import {
  inOneLaunch,
  type WeightGradient,
  weightGradients,
} from "../../../kernels/matmul/weight_gradients.ts";
import { TILES } from "../../../kernels/matmul/workgroup_tile.ts";
import { withGpu } from "../../support/gpu.ts";
import { poisoned } from "../../support/poisoned.ts";
import { checkAsync } from "../../support/property.ts";
import { assertWithin, numbers, type Product, referenceMatmul } from "../../reference/matmul.ts";

/** Sizes of some maps: a tile has 32 or 64 rows and columns, and a slab 16 steps. */
const sizes = fc.record({
  N: fc.integer({ min: 1, max: 70 }),
  maps: fc.array(
    fc.record({
      M: fc.integer({ min: 1, max: 70 }),
      W: fc.integer({ min: 1, max: 70 }),
      withBias: fc.boolean(),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  /** Slabs of a chunk; 0: as the adapter cuts it. */
  slabs: fc.nat(5),
});
type Sizes = typeof sizes extends fc.Arbitrary<infer T> ? T : never;

/** What lies side by side in one read: each result, in a buffer that is NaN elsewhere. */
class Results extends DisposableStack {
  readonly #gpu: Gpu;
  readonly #checks: { whole: Tensor; check: (stored: Float32Array) => void }[] = [];

  constructor(gpu: Gpu) {
    super();
    this.#gpu = gpu;
  }

  /** A tensor of `data` that a read or a store past its end would show. */
  tensor(shape: readonly number[], data: Float32Array): { tensor: Tensor; whole: Tensor } {
    const [tensor, whole] = poisoned(this.#gpu, shape, data);
    return { tensor: this.use(tensor), whole: this.use(whole) };
  }

  /** A tensor that shall become the `product` of `a` and `b`. */
  expect(a: Float32Array, b: Float32Array, product: Product, shape: readonly number[]): Tensor {
    const size = product.m * product.n, { tensor, whole } = this.tensor(shape, numbers(size, 3));
    const name = JSON.stringify(product);
    const check = (stored: Float32Array) => {
      assertWithin(stored.subarray(0, size), referenceMatmul(a, b, product), name);
      assert(stored.subarray(size).every(Number.isNaN), `${name}: stored past the end`);
    };
    this.#checks.push({ whole, check });
    return tensor;
  }

  /** Compares all results, which it reads together. */
  async check(): Promise<void> {
    const sizes = this.#checks.map(({ whole }) => whole.size);
    const all = this.use(this.#gpu.temporary([sizes.reduce((a, b) => a + b)]));
    let at = 0;
    for (const { whole } of this.#checks) {
      this.#gpu.copy(whole, all, { toStart: at });
      at += whole.size;
    }
    const stored = await this.#gpu.readFloats(all);
    at = 0;
    for (const { whole, check } of this.#checks) check(stored.subarray(at, at += whole.size));
  }
}

/** A map of these sizes, whose gradients are among the results. */
function mapOf(
  results: Results,
  N: number,
  { M, W, withBias }: Sizes["maps"][number],
): WeightGradient {
  const dOut = numbers(N * M, M + 1), x = numbers(N * W, W + 2), ones = new Float32Array(N).fill(1);
  const product = { m: M, k: N, transposeA: true };
  return {
    dOut: results.tensor([N, M], dOut).tensor,
    x: results.tensor([N, W], x).tensor,
    dWeight: results.expect(dOut, x, { ...product, n: W }, [M, W]),
    dBias: withBias ? results.expect(dOut, ones, { ...product, n: 1 }, [M]) : undefined,
  };
}

Deno.test("weightGradients() agrees with float64 for any maps, however their sums are cut", () =>
  withGpu((gpu) => {
    const dispatch = gpu.dispatch.bind(gpu);
    // Folding a grid may add a workgroup: here each has one too many.
    gpu.dispatch = (launch) => dispatch({ ...launch, grid: Number(launch.grid) + 1 });
    return checkAsync(fc.asyncProperty(sizes, async ({ N, maps, slabs }) => {
      using results = new Results(gpu);
      const all = maps.map((map) => mapOf(results, N, map));
      if (slabs === 0) weightGradients(gpu, all);
      else inOneLaunch(gpu, all, { tile: TILES[1]!, depth: 16 * slabs });
      await results.check();
    }));
  }, { family: "hardware" }));
