// Matrix products: every kernel against float64, at sizes that leave tails in every dimension.

import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Gpu } from "../../../kernels/gpu.ts";
import {
  matmulInto,
  type MatmulIntoOptions,
  type MatmulKernel,
} from "../../../kernels/matmul/matmul.ts";
import { multiplyFromWorkgroup } from "../../../kernels/matmul/matmul_workgroup.ts";
import { weightFor } from "../../../kernels/matmul/weight.ts";
import { readsTexels } from "../../../kernels/matmul/matmul_texel.ts";
import { type Plan, TILES } from "../../../kernels/matmul/workgroup_tile.ts";
import { withGpu } from "../../support/gpu.ts";
import { poisoned } from "../../support/poisoned.ts";
import { inHalf } from "../../reference/half.ts";
import {
  assertWithin,
  inOrder,
  numbers,
  type Product,
  referenceMatmul,
  unequal,
} from "../../reference/matmul.ts";

const TRANSPOSES = [[false, false], [false, true], [true, false], [true, true]] as const;

/** The kernels that this adapter can run. */
function kernelsOf(gpu: Gpu): MatmulKernel[] {
  return readsTexels(gpu) ? ["texel", "register", "workgroup"] : ["register", "workgroup"];
}

interface Variant extends Product {
  bias?: boolean;
  accumulate?: boolean;
  kernel?: MatmulKernel;
  /** Of the workgroup kernel, whatever the sizes are. */
  plan?: Plan;
}

/** Multiplies on the GPU, compares, and checks that nothing was stored past the result's end. */
async function check(gpu: Gpu, variant: Variant): Promise<Float32Array> {
  const { m, n, k, transposeA = false, transposeB = false, accumulate = false } = variant;
  const [dataA, dataB] = [numbers(m * k, m + 1), numbers(k * n, n + 2)];
  const [dataBias, before] = [numbers(n, 3), numbers(m * n, 4)];
  const [a, wholeA] = poisoned(gpu, transposeA ? [k, m] : [m, k], dataA);
  const [b, wholeB] = poisoned(gpu, transposeB ? [n, k] : [k, n], dataB);
  const [bias, wholeBias] = poisoned(gpu, [n], dataBias);
  const [c, wholeC] = poisoned(gpu, [m, n], before);
  const options: MatmulIntoOptions = { transposeA, transposeB, accumulate };
  if (variant.bias) options.bias = bias;
  if (variant.kernel) options.kernel = variant.kernel;
  const { plan } = variant;
  using step = gpu.step();
  const read = weightFor(step, b);
  if (plan) multiplyFromWorkgroup(gpu, c, a, read, { m, n, k, row: 0 }, options, plan);
  else matmulInto(gpu, c, a, read, options);
  const stored = await gpu.readFloats(wholeC);
  for (const tensor of [a, wholeA, b, wholeB, bias, wholeBias, c, wholeC]) tensor.dispose();
  const actual = stored.subarray(0, m * n);
  const reference = referenceMatmul(
    dataA,
    gpu.compute === "f16" ? inHalf(dataB) : dataB,
    variant,
    variant.bias ? dataBias : undefined,
    accumulate ? before : undefined,
  );
  const name = JSON.stringify(variant);
  assertWithin(actual, reference, name);
  assertEquals(stored.subarray(m * n).findIndex((x) => !Number.isNaN(x)), -1, name);
  return actual;
}

Deno.test("matmulInto() agrees with float64 when no size is a multiple of anything", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      for (const [transposeA, transposeB] of TRANSPOSES) {
        await check(gpu, { m: 65, n: 101, k: 63, transposeA, transposeB, bias: true, kernel });
      }
    }
  });
});

Deno.test("matmulInto() agrees with float64 when rows are whole vectors", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      for (const [transposeA, transposeB] of TRANSPOSES) {
        await check(gpu, { m: 36, n: 140, k: 76, transposeA, transposeB, bias: true, kernel });
      }
    }
  });
});

Deno.test("matmulInto() agrees with float64 when one operand alone has whole vectors", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      await check(gpu, { m: 33, n: 64, k: 50, kernel });
      await check(gpu, { m: 64, n: 50, k: 31, transposeA: true, kernel });
      await check(gpu, { m: 20, n: 51, k: 200, transposeB: true, bias: true, kernel });
      await check(gpu, { m: 33, n: 52, k: 52, transposeA: true, kernel });
      await check(gpu, { m: 20, n: 52, k: 50, transposeB: true, kernel });
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

Deno.test("matmulInto() from texels reads nothing that earlier copies have left behind its operands", async () => {
  await withGpu(async (gpu) => {
    if (!readsTexels(gpu)) return;
    for (const [transposeA, transposeB] of TRANSPOSES) {
      {
        const nan = new Float32Array(64 * 64).fill(NaN);
        using a = gpu.tensor([64, 64], nan),
          b = gpu.tensor([64, 64], nan),
          c = gpu.tensor([64, 64]);
        matmulInto(gpu, c, a, b);
      }
      await check(gpu, { m: 8, n: 8, k: 5, transposeA, transposeB, kernel: "texel" });
    }
  });
});

Deno.test("matmulInto() agrees with float64 when a size is one", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      for (const [m, n, k] of [[1, 1, 1], [1, 65, 3], [65, 1, 3], [33, 63, 1]] as const) {
        await check(gpu, { m, n, k, bias: true, kernel });
      }
    }
  });
});

Deno.test("matmulInto() reads a weight's copy of 16 bits with every kernel, and sums in 32", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      await check(gpu, { m: 65, n: 101, k: 63, bias: true, kernel });
      const again = { m: 36, n: 140, k: 76, transposeB: true, bias: true, kernel };
      assertEquals(await check(gpu, again), await check(gpu, again));
    }
  }, { compute: "f16" });
});

Deno.test("matmulInto() adds to the result when it accumulates", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      await check(gpu, { m: 33, n: 65, k: 7, accumulate: true, bias: true, kernel });
      await check(gpu, { m: 40, n: 68, k: 8, accumulate: true, kernel });
    }
  });
});

Deno.test("matmulInto() agrees with float64 when a long sum is split", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      await check(gpu, { m: 21, n: 50, k: 1003, transposeA: true, bias: true, kernel });
      await check(gpu, { m: 20, n: 48, k: 515, bias: true, accumulate: true, kernel });
    }
    await check(gpu, { m: 257, n: 260, k: 1030, bias: true });
    // llvmpipe ends a thread's loops after 65,535 rounds, without a word.
    await check(gpu, { m: 2, n: 5, k: 270_002, bias: true });
  });
});

Deno.test("matmulInto() from texels sums in one order, whether a long sum is cut or not", async () => {
  await withGpu(async (gpu) => {
    if (!readsTexels(gpu)) return;
    const [m, n, k, width] = [99, 100, 4001, 4]; // cut in two; `width` columns alone are not
    for (const transposeA of [false, true]) {
      const cut = await check(gpu, { m, n, k, transposeA, kernel: "texel" });
      const [dataA, dataB] = [numbers(m * k, m + 1), numbers(k * n, n + 2)];
      const columns = Float32Array.from({ length: k * width }, (_, i) => {
        return dataB[Math.floor(i / width) * n + i % width]!;
      });
      using a = gpu.tensor(transposeA ? [k, m] : [m, k], dataA),
        b = gpu.tensor([k, width], columns);
      using c = gpu.temporary([m, width]);
      matmulInto(gpu, c, a, b, { transposeA });
      const whole = Array.from(await gpu.readFloats(c));
      const same = whole.map((_, i) => cut[Math.floor(i / width) * n + i % width]);
      assertEquals(same, whole);
    }
  });
});

Deno.test("matmulInto() agrees with float64 whatever tile and split the workgroup kernel has", async () => {
  await withGpu(async (gpu) => {
    // Each tile fetches each operand in both ways; compiling more variants takes a second each.
    for (const tile of TILES) {
      const odd = { m: 129, n: 197, k: 37, transposeB: true, bias: true };
      await check(gpu, { ...odd, plan: { tile, depth: 16 } });
      const even = { m: 196, n: 132, k: 68, transposeA: true, accumulate: true };
      await check(gpu, { ...even, plan: { tile, depth: 68 } });
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
      multiplyFromWorkgroup(gpu, c, a, b, { m, n, k, row: 0 }, { bias: row }, { tile, depth });
      const expected = Float32Array.from({ length: m * n }, (_, i) => inOrder(terms, bias[i % n]!));
      assertEquals(await gpu.readFloats(c), expected, `${chunks} chunks`);
    }
  }));

Deno.test("matmulInto() agrees with float64 when the result has many tiles", async () => {
  await withGpu(async (gpu) => {
    await check(gpu, { m: 705, n: 613, k: 643, bias: true });
    await check(gpu, { m: 676, n: 660, k: 608, transposeA: true, transposeB: true });
  });
});

Deno.test("matmulInto() stores nothing else when a folded grid has a workgroup too many", async () => {
  await withGpu(async (gpu) => {
    const dispatch = gpu.dispatch.bind(gpu);
    gpu.dispatch = (launch) => dispatch({ ...launch, grid: Number(launch.grid) + 1 });
    for (const kernel of kernelsOf(gpu)) {
      await check(gpu, { m: 65, n: 101, k: 63, bias: true, kernel });
      await check(gpu, { m: 36, n: 140, k: 76, accumulate: true, kernel });
      await check(gpu, { m: 20, n: 48, k: 515, kernel });
    }
  });
});

Deno.test("matmulInto() gives equal bits when it is called again", async () => {
  await withGpu(async (gpu) => {
    for (const kernel of kernelsOf(gpu)) {
      const variant = { m: 70, n: 52, k: 300, transposeA: true, kernel };
      assertEquals(await check(gpu, variant), await check(gpu, variant));
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
