// Matrix products: every kernel against float64, at sizes that leave tails in every dimension.

import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { matmulInto } from "../../../kernels/matmul/matmul.ts";
import { checkMatmul, kernelsOf, TRANSPOSES } from "../../support/check_matmul.ts";
import { withGpu } from "../../support/gpu.ts";
import { assertWithin, numbers, referenceMatmul } from "../../reference/matmul.ts";

Deno.test("matmulInto() agrees with float64 when no size is a multiple of anything", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      for (const [transposeA, transposeB] of TRANSPOSES) {
        await checkMatmul(gpu, {
          m: 65,
          n: 101,
          k: 63,
          transposeA,
          transposeB,
          bias: true,
          kernel,
        });
      }
    }
  });
});

Deno.test("matmulInto() agrees with float64 when rows are whole vectors", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      for (const [transposeA, transposeB] of TRANSPOSES) {
        await checkMatmul(gpu, {
          m: 36,
          n: 140,
          k: 76,
          transposeA,
          transposeB,
          bias: true,
          kernel,
        });
      }
    }
  });
});

Deno.test("matmulInto() agrees with float64 when one operand alone has whole vectors", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      await checkMatmul(gpu, { m: 33, n: 64, k: 50, kernel });
      await checkMatmul(gpu, { m: 64, n: 50, k: 31, transposeA: true, kernel });
      await checkMatmul(gpu, { m: 20, n: 51, k: 200, transposeB: true, bias: true, kernel });
      await checkMatmul(gpu, { m: 33, n: 52, k: 52, transposeA: true, kernel });
      await checkMatmul(gpu, { m: 20, n: 52, k: 50, transposeB: true, kernel });
    }
  });
});

Deno.test("matmulInto() adds the bias once to a long sum, and begins at the row that it is told", async () => {
  await withGpu(async (gpu) => {
    const k = 270_002, bias = gpu.tensor([3], Float32Array.of(1, 2, 3)), data = numbers(5 * 7, 1);
    const long = gpu.tensor([1, k]), column = gpu.tensor([k, 3]), c = gpu.tensor([1, 3]);
    const a = gpu.tensor([5, 7], data), b = gpu.tensor([7, 3], numbers(7 * 3, 2));
    for (const kernel of kernelsOf(gpu)) {
      matmulInto(gpu, c, long, column, { bias, kernel });
      assertEquals([...await gpu.read(c)], [1, 2, 3], kernel);
      matmulInto(gpu, c, a, b, { row: 3, kernel });
      const row = referenceMatmul(data.subarray(21, 28), numbers(7 * 3, 2), { m: 1, n: 3, k: 7 });
      assertWithin(await gpu.readFloats(c), row, kernel);
    }
    for (const tensor of [bias, long, column, c, a, b]) tensor.dispose();
  });
});

Deno.test("matmulInto() agrees with float64 when a size is one", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      for (const [m, n, k] of [[1, 1, 1], [1, 65, 3], [65, 1, 3], [33, 63, 1]] as const) {
        await checkMatmul(gpu, { m, n, k, bias: true, kernel });
      }
    }
  });
});

Deno.test("matmulInto() reads a weight's copy of 16 bits with every kernel, and sums in 32", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      await checkMatmul(gpu, { m: 65, n: 101, k: 63, bias: true, kernel });
      const again = { m: 36, n: 140, k: 76, transposeB: true, bias: true, kernel };
      assertEquals(await checkMatmul(gpu, again), await checkMatmul(gpu, again));
    }
  }, { compute: "f16" });
});

Deno.test("matmulInto() adds to the result when it accumulates", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      await checkMatmul(gpu, { m: 33, n: 65, k: 7, accumulate: true, bias: true, kernel });
      await checkMatmul(gpu, { m: 40, n: 68, k: 8, accumulate: true, kernel });
    }
  });
});

Deno.test("matmulInto() agrees with float64 when a long sum is split", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      await checkMatmul(gpu, { m: 21, n: 50, k: 1003, transposeA: true, bias: true, kernel });
      await checkMatmul(gpu, { m: 20, n: 48, k: 515, bias: true, accumulate: true, kernel });
    }
    await checkMatmul(gpu, { m: 257, n: 260, k: 1030, bias: true });
    // llvmpipe ends a thread's loops after 65,535 rounds, without a word.
    await checkMatmul(gpu, { m: 2, n: 5, k: 270_002, bias: true });
  });
});

Deno.test("matmulInto() agrees with float64 when the result has many tiles", async () => {
  await withGpu(async (gpu) => {
    await checkMatmul(gpu, { m: 705, n: 613, k: 643, bias: true });
    await checkMatmul(gpu, { m: 676, n: 660, k: 608, transposeA: true, transposeB: true });
  });
});

Deno.test("matmulInto() stores nothing else when a folded grid has a workgroup too many", async () => {
  await withGpu(async (gpu) => {
    const dispatch = gpu.dispatch.bind(gpu);
    gpu.dispatch = (launch) => dispatch({ ...launch, grid: Number(launch.grid) + 1 });
    for (const kernel of kernelsOf(gpu)) {
      await checkMatmul(gpu, { m: 65, n: 101, k: 63, bias: true, kernel });
      await checkMatmul(gpu, { m: 36, n: 140, k: 76, accumulate: true, kernel });
      await checkMatmul(gpu, { m: 20, n: 48, k: 515, kernel });
    }
  });
});

Deno.test("matmulInto() gives equal bits when it is called again", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      const variant = { m: 70, n: 52, k: 300, transposeA: true, kernel };
      assertEquals(await checkMatmul(gpu, variant), await checkMatmul(gpu, variant));
    }
  });
});

Deno.test("matmulInto() keeps infinities and NaN in their rows and columns", async () => {
  await withGpu(async (gpu) => {
    const [m, n, k] = [5, 6, 7];
    const dataA = numbers(m * k, 1), dataB = numbers(k * n, 2);
    dataA[k - 1] = Infinity; // row 0
    dataB[(k - 1) * n + 2] = NaN; // column 2
    using a = gpu.tensor([m, k], dataA), b = gpu.tensor([k, n], dataB);
    using c = gpu.tensor([m, n]);
    for (const kernel of kernelsOf(gpu)) {
      matmulInto(gpu, c, a, b, { kernel });
      const finite = Array.from(await gpu.readFloats(c), Number.isFinite);
      const expected = finite.map((_, i) => i >= n && i % n !== 2);
      assertEquals(finite, expected, kernel);
      assertEquals((await gpu.readFloats(c)).slice(0, n).some(Number.isNaN), true);
    }
  });
});

Deno.test("matmulInto() agrees with float64 when a software adapter has other subgroups", async () => {
  let width = "";
  await withGpu((gpu) => void (width = gpu.subgroupSize === 8 ? "512" : "256"));
  // The driver reads its vector width once a process.
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--no-check",
      "--allow-env",
      "--filter",
      "/no size is a multiple|rows are whole vectors/",
      fromFileUrl(import.meta.url),
    ],
    env: { LP_NATIVE_VECTOR_WIDTH: width },
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stdout));
});

Deno.test("matmulInto() throws when shapes do not fit", async () => {
  await withGpu((gpu) => {
    using a = gpu.tensor([3, 4]), b = gpu.tensor([5, 6]), c = gpu.tensor([3, 6]);
    using bias = gpu.tensor([5]), ids = gpu.tensor([4, 6], new Uint32Array(24));
    assertThrows(() => matmulInto(gpu, c, a, b), TypeError, "f32 [3,4] by f32 [5,6]");
    assertThrows(() => matmulInto(gpu, c, a, ids), TypeError, "by u32 [4,6]");
    assertThrows(
      () => matmulInto(gpu, c, a, b, { transposeA: true, transposeB: true }),
      TypeError,
      "f32 [3,4] transposed by f32 [5,6] transposed",
    );
    assertThrows(() => matmulInto(gpu, a, a, b), TypeError);
    using right = gpu.tensor([4, 6]);
    assertThrows(() => matmulInto(gpu, a, a, right), TypeError, "the result is f32 [3,4]");
    assertThrows(() => matmulInto(gpu, c, a, right, { bias }), TypeError, "bias is f32 [5]");
    using square = gpu.tensor([3, 3]);
    assertThrows(() => matmulInto(gpu, square, square, square), TypeError, "both input and output");
  });
});
