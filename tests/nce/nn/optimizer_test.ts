// What optimizers keep: that it is no more than needed.

import { assertEquals } from "@std/assert";
import { add, weightedSum } from "../../../kernels/ops.ts";
import { type NamedParameter, SGD } from "../../../nce/nn/mod.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";
import { D, MAKERS, parametersOf, train, V, W } from "../../support/optimizers.ts";
import { values } from "../../reference/data.ts";

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
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    const parameters = parametersOf(gpu, stack);
    using optimizer = new SGD(gpu, parameters, { lr: 0.1, weightDecay: 0.1 });
    train(gpu, parameters, optimizer, [0, 1]);
    {
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
    }
    await gpu.read(parameters[0]![1]);
    using state = optimizer.state();
    assertEquals(state.tensors.map(([name]) => name), ["table", "vector"], "nothing waits");
  }));

Deno.test("the norm counts each element once, of gradients that many workgroups sum", () =>
  withBothFamilies(async (gpu) => {
    using stack = new DisposableStack();
    const gradients = [600_003, 7, 70_001].map((size, i) => values(size, i + 1));
    const parameters = gradients.map(({ length }, i): NamedParameter => {
      const tensor = stack.use(gpu.tensor([length]));
      tensor.requiresGrad = true;
      return [`p${i}`, tensor];
    });
    using optimizer = new SGD(gpu, parameters, { lr: 1, clip: 5 });
    const stale = Array.from({ length: 4 }, () => gpu.temporary([655_360])); // the first gradient's size class
    for (const tensor of stale) gpu.write(tensor, new Float32Array(tensor.size).fill(NaN));
    for (const tensor of stale) tensor.dispose();
    using step = gpu.step({ training: true });
    const losses = parameters.map(([, p], i) => weightedSum(step, p, step.upload(gradients[i]!)));
    optimizer.step(step.backward(losses.reduce((a, b) => add(step, a, b))));
    const squares = gradients.flatMap((d) => d.reduce((sum, x) => sum + x * x, 0));
    const norm = Math.sqrt(squares.reduce((a, b) => a + b));
    assertClose(await gpu.readFloats(optimizer.norm), [norm, 5 / norm], { atol: 0, rtol: 1e-5 });
  }));
