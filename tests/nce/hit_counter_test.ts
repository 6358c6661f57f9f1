// The counts of hits, which take two words each.

import { assertEquals } from "@std/assert";
import { HitCounter } from "../../nce/hit_counter.ts";
import { withGpu } from "../support/gpu.ts";

Deno.test("hits and samples are counted beyond 2^32", () =>
  withGpu(async (gpu) => {
    const make = gpu.tensor.bind(gpu), before = Uint32Array.of(7, 2, 9, 3);
    gpu.tensor = (shape) => make(shape, before);
    using counter = new HitCounter(gpu);
    Reflect.deleteProperty(gpu, "tensor");
    assertEquals(await counter.take(), { hits: 7 + 2 ** 33, samples: 9 + 3 * 2 ** 32 });
  }));
