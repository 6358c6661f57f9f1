// Matrix products from texels: they read nothing but their operands, and sum in one order.

import { assertEquals } from "@std/assert";
import { matmulInto } from "../../../kernels/matmul/matmul.ts";
import { readsTexels } from "../../../kernels/matmul/matmul_texel.ts";
import { checkMatmul, TRANSPOSES } from "../../support/check_matmul.ts";
import { withGpu } from "../../support/gpu.ts";
import { numbers } from "../../reference/matmul.ts";

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
      await checkMatmul(gpu, { m: 8, n: 8, k: 5, transposeA, transposeB, kernel: "texel" });
    }
  });
});

Deno.test("matmulInto() from texels sums in one order, whether a long sum is cut or not", async () => {
  await withGpu(async (gpu) => {
    if (!readsTexels(gpu)) return;
    const [m, n, k, width] = [99, 100, 4001, 4]; // cut in two; `width` columns alone are not
    for (const transposeA of [false, true]) {
      const cut = await checkMatmul(gpu, { m, n, k, transposeA, kernel: "texel" });
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
