// Tensors that are read together, whether one tensor can hold them all or not.

import { assertEquals } from "@std/assert";
import { readTogether } from "../../../kernels/parallel/arrays.ts";
import { limitedGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

Deno.test("readTogether() reads in one go what fits a tensor, and else each by itself", async () => {
  await using gpu = await limitedGpu({ maxStorageBufferBindingSize: 2 ** 12 });
  let reads = 0;
  const { read } = gpu;
  gpu.read = (tensor) => (reads++, read.call(gpu, tensor));
  using step = gpu.step();
  for (const [size, expected] of [[512, 1], [513, 2]] as const) {
    const data = [1, 2].map((seed) => values(size, seed));
    reads = 0;
    assertEquals(await readTogether(step, data.map((array) => step.upload(array))), data);
    assertEquals(reads, expected);
  }
});
