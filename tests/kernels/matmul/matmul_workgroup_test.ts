// Matrix products from a workgroup's memory: any tile, any split of a long sum.

import { assertEquals } from "@std/assert";
import { multiplyFromWorkgroup } from "../../../kernels/matmul/matmul_workgroup.ts";
import { TILES } from "../../../kernels/matmul/workgroup_tile.ts";
import { checkMatmul } from "../../support/check_matmul.ts";
import { withGpu } from "../../support/gpu.ts";
import { inOrder, numbers, unequal } from "../../reference/matmul.ts";

Deno.test("matmulInto() agrees with float64 whatever tile and split the workgroup kernel has", async () => {
  await withGpu(async (gpu) => {
    // Each tile fetches each operand in both ways; compiling more variants takes a second each.
    for (const tile of TILES) {
      const odd = { m: 129, n: 197, k: 37, transposeB: true, bias: true };
      await checkMatmul(gpu, { ...odd, plan: { tile, depth: 16 } });
      const even = { m: 196, n: 132, k: 68, transposeA: true, accumulate: true };
      await checkMatmul(gpu, { ...even, plan: { tile, depth: 68 } });
    }
  });
});

Deno.test("the workgroup kernel adds up any number of chunks in order, after the bias", () =>
  withGpu(async (gpu) => {
    const depth = 16, m = 3, n = 5, tile = TILES[1]!, bias = numbers(n, 1);
    using row = gpu.tensor([n], bias), c = gpu.tensor([m, n]);
    for (let chunks = 2; chunks <= 30; chunks++) {
      const k = chunks * depth - 1, terms = unequal(chunks); // a step of each chunk is not zero
      const data = Float32Array.from({ length: m * k }, (_, i) => {
        return i % k % depth === 0 ? terms[i % k / depth]! : 0;
      });
      using a = gpu.tensor([m, k], data), b = gpu.tensor([k, n], new Float32Array(k * n).fill(1));
      multiplyFromWorkgroup(gpu, c, a, b, { m, n, k }, { bias: row }, { tile, depth });
      const expected = Float32Array.from({ length: m * n }, (_, i) => inOrder(terms, bias[i % n]!));
      assertEquals(await gpu.readFloats(c), expected, `${chunks} chunks`);
    }
  }));
