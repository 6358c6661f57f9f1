// Lists that are summed as one come back under their names.

import { assertEquals } from "@std/assert";
import { ranksInProcess } from "../../../kernels/mod.ts";
import { lengthOf, sumSections } from "../../../kernels/parallel/sections.ts";

Deno.test("sections are summed together, and taken apart again", async () => {
  const found = await Promise.all(
    ranksInProcess(2).map((communicator) => {
      const own = {
        first: [Float32Array.of(1, communicator.rank), Float32Array.of(3)],
        none: [],
        last: [Float32Array.of(4)],
      };
      assertEquals(lengthOf(own), 4);
      return sumSections(communicator, own);
    }),
  );
  const expected = {
    first: [Float32Array.of(2, 1), Float32Array.of(6)],
    none: [],
    last: [Float32Array.of(8)],
  };
  assertEquals(found, [expected, expected]);
});
