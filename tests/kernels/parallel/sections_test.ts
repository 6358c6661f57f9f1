// Lists that are summed as one come back under their names.

import { assertEquals } from "@std/assert";
import { lengthOf, readSections, sumSections } from "../../../kernels/parallel/sections.ts";
import { onRanks } from "../../support/ranks.ts";

Deno.test("sections are read and summed together, and taken apart again", async () => {
  const found = await onRanks(2, async (gpu, communicator) => {
    using step = gpu.step();
    const own = await readSections(step, {
      first: [step.upload(Float32Array.of(1, communicator.rank)), step.upload(Float32Array.of(3))],
      none: [],
      last: [step.upload(Float32Array.of(4))],
    });
    assertEquals(lengthOf(own), 4);
    return await sumSections(communicator, own);
  });
  const expected = {
    first: [Float32Array.of(2, 1), Float32Array.of(6)],
    none: [],
    last: [Float32Array.of(8)],
  };
  assertEquals(found, [expected, expected]);
});
