// What optimizers keep: that it is no more than needed.

import { assertEquals } from "@std/assert";
import { SGD } from "../../../nce/nn/mod.ts";
import { withGpu } from "../../support/gpu.ts";
import { D, MAKERS, parametersOf, train, V, W } from "../../support/optimizers.ts";

Deno.test("an optimizer keeps what its formula needs, and SGD without momentum no moment", () =>
  withGpu((gpu) => {
    for (const [name, [keeps, make]] of Object.entries(MAKERS)) {
      using stack = new DisposableStack();
      const parameters = parametersOf(gpu, stack), before = gpu.memory.bytes;
      using optimizer = make(gpu, parameters);
      const kept = gpu.memory.bytes - before - 16; // the norm
      assertEquals(kept, 4 * keeps, name);
      train(gpu, parameters, optimizer, [0]);
      // With momentum, [V] steps of rows and two tables of products, written in turn; nothing else has to wait.
      const waits = name.startsWith("SGD with momentum") ? 4 * V + 2 * 16 * 1025 : 0;
      assertEquals(gpu.memory.bytes - before - 16 - kept, waits, name);
    }
  }));

Deno.test("SGD with decay and no momentum defers the decay, and keeps no moment", () =>
  withGpu((gpu) => {
    using stack = new DisposableStack();
    const parameters = parametersOf(gpu, stack);
    using optimizer = new SGD(gpu, parameters, { lr: 0.1, weightDecay: 0.1 });
    train(gpu, parameters, optimizer, [0, 1]);
    using state = optimizer.state();
    assertEquals(state.header, {
      kind: "SGD",
      lr: 0.1,
      counts: { table: [2, 0.1] },
      tensors: {
        "table": { shape: [V, W], dtype: "f32" },
        "table.steps": { shape: [V], dtype: "u32" },
        "vector": { shape: [D], dtype: "f32" },
      },
    });
    assertEquals(state.tensors.map(([name]) => name), Object.keys(state.header.tensors));
  }));
