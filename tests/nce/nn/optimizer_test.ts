// What optimizers keep: that it is no more than needed, and that a saved one goes on to the same bits.

import { assertEquals, assertThrows } from "@std/assert";
import type { AdapterOptions, Gpu, TableDType, Tensor } from "../../../mod.ts";
import { Adagrad, Adam, type NamedParameter, type Optimizer, SGD } from "../../../nce/nn/mod.ts";
import { add, gather, weightedSum } from "../../../kernels/ops.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";

const [V, W, D] = [160, 4, 20];

type Make = (gpu: Gpu, parameters: readonly NamedParameter[]) => Optimizer;

const OPTIONS = { lr: 0.1, clip: 0.25 };
/** Each optimizer, and how many floats it keeps of a table [V, W] and a vector [D]. */
const MAKERS: Readonly<Record<string, readonly [keeps: number, make: Make]>> = {
  "SGD": [0, (gpu, parameters) => new SGD(gpu, parameters, OPTIONS)],
  "SGD with momentum": [V * W + D, (gpu, parameters) => {
    return new SGD(gpu, parameters, { ...OPTIONS, momentum: 0.9 });
  }],
  "SGD with momentum and decay": [V * W + D, (gpu, parameters) => {
    return new SGD(gpu, parameters, { ...OPTIONS, momentum: 0.9, weightDecay: 1e-2 });
  }],
  "Adagrad": [V * W + D, (gpu, parameters) => new Adagrad(gpu, parameters, OPTIONS)],
  "row-wise Adagrad": [V + D, (gpu, parameters) => {
    return new Adagrad(gpu, parameters, { ...OPTIONS, rowwise: true });
  }],
  "Adam": [2 * (V * W + D), (gpu, parameters) => new Adam(gpu, parameters, OPTIONS)],
};

function parametersOf(gpu: Gpu, stack: DisposableStack, dtype?: TableDType): NamedParameter[] {
  return ([["table", [V, W]], ["vector", [D]]] as const).map(([name, shape], i) => {
    const size = shape.reduce<number>((n, s) => n * s, 1);
    const tensor = stack.use(gpu.table(shape, values(size, i + 1), i === 0 ? dtype : undefined));
    tensor.requiresGrad = true;
    return [name, tensor];
  });
}

/** Trains in steps that are a function of their number alone. */
function train(gpu: Gpu, of: readonly NamedParameter[], optimizer: Optimizer, steps: number[]) {
  const [table, vector] = of.map(([, tensor]) => tensor) as [Tensor, Tensor];
  for (const number of steps) {
    optimizer.lr = 0.1 / (1 + Math.floor(number / 5)); // steps at one rate, and a change
    using step = gpu.step({ training: true });
    const rows = gather(step, table, step.upload(randomIds(3, V, number)));
    const dRows = step.upload(values(3 * W, number), [3, W]);
    const dVector = step.upload(values(D, number + 1));
    const loss = add(step, weightedSum(step, rows, dRows), weightedSum(step, vector, dVector));
    optimizer.step(step.backward(loss));
  }
}

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
    assertEquals(optimizer.counts, { table: [2, 0.1] });
    const kept = () => optimizer.tensors().map(([name]) => name);
    assertEquals(kept(), ["table", "table.steps", "vector"]);
    await gpu.read(parameters[0]![1]);
    assertEquals(optimizer.counts, {});
    assertEquals(kept(), ["table", "vector"]);
  }));

/** Checks every optimizer, and returns the parameters that each comes to. */
async function saveAndGoOn(
  options: AdapterOptions,
  dtype: TableDType,
): Promise<Float32Array[][]> {
  const ends: Float32Array[][] = [];
  await withGpu(async (gpu) => {
    const first = Array.from({ length: 12 }, (_, i) => i), rest = first.map((i) => i + 12);
    const bits = async (of: readonly NamedParameter[]) => [
      await gpu.readFloats(of[0]![1]),
      await gpu.readFloats(of[1]![1]),
    ];
    for (const [name, [, make]] of Object.entries(MAKERS)) {
      using stack = new DisposableStack();
      const parameters = parametersOf(gpu, stack, dtype);
      const optimizer = stack.use(make(gpu, parameters));
      train(gpu, parameters, optimizer, first);
      const { counts } = optimizer, saved = new Map<string, Float32Array | Uint32Array>();
      {
        using _held = optimizer.hold();
        for (const [name, tensor] of optimizer.tensors()) saved.set(name, await gpu.read(tensor));
      }
      {
        using _undisturbed = optimizer.undisturbed();
        await bits(parameters);
      }
      train(gpu, parameters, optimizer, rest);
      const others = parametersOf(gpu, stack, dtype), other = stack.use(make(gpu, others));
      other.restore(counts);
      {
        using _held = other.hold();
        assertEquals(other.tensors().map(([name]) => name), [...saved.keys()], name);
        for (const [name, tensor] of other.tensors()) gpu.write(tensor, saved.get(name)!);
      }
      assertEquals(other.counts, counts, name);
      train(gpu, others, other, rest);
      assertEquals(await bits(others), await bits(parameters), name);
      assertThrows(() => other.restore({ nothing: [1] }), RangeError, 'no parameter "nothing"');
      for (const table of [1 as unknown as number[], [], [NaN], [-1]]) {
        const found = typeof table === "number" ? "1" : `[${table}]`;
        const message = `the counts of table are ${found}, not an array of finite numbers`;
        assertThrows(() => other.restore({ table }), TypeError, message);
      }
      ends.push(await bits(others));
    }
  }, options);
  return ends;
}

Deno.test("an optimizer saved as it stands goes on to the same bits in another one, in parts or not", async () => {
  for (const dtype of ["f32", "f16"] as const) {
    const whole = await saveAndGoOn({ maxBindingBytes: 2 ** 27 }, dtype);
    assertEquals(await saveAndGoOn({ maxBindingBytes: 1 }, dtype), whole);
  }
});

Deno.test("the norm counts each element once, of gradients that many workgroups sum", () =>
  withBothFamilies(async (gpu) => {
    using stack = new DisposableStack();
    const gradients = [200_003, 7, 70_001].map((size, i) => values(size, i + 1));
    const parameters = gradients.map(({ length }, i): NamedParameter => {
      const tensor = stack.use(gpu.tensor([length]));
      tensor.requiresGrad = true;
      return [`p${i}`, tensor];
    });
    using optimizer = new SGD(gpu, parameters, { lr: 1, clip: 5 });
    const stale = Array.from({ length: 4 }, () => gpu.temporary([229_376])); // the first gradient's size class
    for (const tensor of stale) gpu.write(tensor, new Float32Array(tensor.size).fill(NaN));
    for (const tensor of stale) tensor.dispose();
    using step = gpu.step({ training: true });
    const losses = parameters.map(([, p], i) => weightedSum(step, p, step.upload(gradients[i]!)));
    optimizer.step(step.backward(losses.reduce((a, b) => add(step, a, b))));
    const squares = gradients.flatMap((d) => d.reduce((sum, x) => sum + x * x, 0));
    const norm = Math.sqrt(squares.reduce((a, b) => a + b));
    assertClose(await gpu.readFloats(optimizer.norm), [norm, 5 / norm], { atol: 0, rtol: 1e-5 });
  }));
