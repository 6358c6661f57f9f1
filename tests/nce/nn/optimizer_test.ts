// What optimizers keep: that it is no more than needed, and that a saved one goes on to the same bits.

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { AdapterOptions, Gpu, TableDType, Tensor } from "../../../mod.ts";
import { Adagrad, Adam, type NamedParameter, type Optimizer, SGD } from "../../../nce/nn/mod.ts";
import { add, gather, weightedSum } from "../../../kernels/ops.ts";
import { withGpu } from "../../support/gpu.ts";
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
  withGpu((gpu) => {
    using stack = new DisposableStack();
    const parameters = parametersOf(gpu, stack);
    using optimizer = new SGD(gpu, parameters, { lr: 0.1, weightDecay: 0.1 });
    train(gpu, parameters, optimizer, [0, 1]);
    assertEquals(optimizer.counts, { table: [2, 0.1] });
    assertEquals(optimizer.tensors().map(([name]) => name), ["table", "table.steps", "vector"]);
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
      {
        using _held = other.restore(counts);
        assertEquals(other.tensors().map(([name]) => name), [...saved.keys()], name);
        for (const [name, tensor] of other.tensors()) gpu.write(tensor, saved.get(name)!);
      }
      assertEquals(other.counts, counts, name);
      train(gpu, others, other, rest);
      assertEquals(await bits(others), await bits(parameters), name);
      // Whatever came before, it goes on from the counts: without any, from the beginning.
      const fresh = parametersOf(gpu, stack, dtype), anew = stack.use(make(gpu, fresh));
      const before = anew.tensors();
      {
        using _held = other.restore({});
        assertEquals(other.tensors().map(([name]) => name), before.map(([name]) => name), name);
        for (const [i, [, tensor]] of other.tensors().entries()) gpu.copy(before[i]![1], tensor);
      }
      for (const [of, by] of [[others, other], [fresh, anew]] as const) train(gpu, of, by, first);
      assertEquals(await bits(others), await bits(fresh), name);
      ends.push(await bits(parameters));
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

Deno.test("restore() refuses counts that an optimizer cannot have, and changes nothing", () =>
  withGpu((gpu) => {
    const none = "an empty array", updates = "the number of updates";
    const runs = "runs of steps, 1024 in all at most, each with its rate";
    const wrong: readonly (readonly [name: string, dtype: TableDType, what: string, number[][]])[] =
      [
        ["SGD", "f32", none, [[1, 0.1]]],
        ["SGD", "f16", updates, [[1, 1, 0.1], [0.5], [2 ** 32]]],
        ["SGD with momentum", "f32", runs, [
          ...[[2], [2, 0.1, 3], [0, 0.1], [1.5, 0.1], [2, 0], [2, -1], [2, Infinity]],
          ...[[NaN, 0.1], [1025, 0.1], [1000, 0.1, 25, 0.2]],
        ]],
        ["SGD with momentum", "f16", `${updates} and ${runs}`, [[2, 0.1], [2, 3, 0.1, 4], [-1]]],
        ["Adagrad", "f32", none, [[3]]],
        ["row-wise Adagrad", "f16", updates, [[1, 2], [-1]]],
        ["Adam", "f32", updates, [[1.5], [3, 4]]],
      ];
    for (const [name, dtype, what, all] of wrong) {
      using stack = new DisposableStack();
      const parameters = parametersOf(gpu, stack, dtype);
      const optimizer = stack.use(MAKERS[name]![1](gpu, parameters));
      train(gpu, parameters, optimizer, [0, 1]);
      const { counts } = optimizer;
      const refused = (given: unknown, message: string) => {
        const restore = () => optimizer.restore(given as typeof counts);
        assertStringIncludes(assertThrows(restore, TypeError).message, message);
        assertEquals(optimizer.counts, counts);
      };
      for (const table of [...all, 1, null, "ab"]) {
        const found = Array.isArray(table) ? `[${table}]` : JSON.stringify(table);
        refused({ table }, `: the counts of table are ${found}, not ${what}`);
      }
      refused({ nothing: [1] }, '"nothing" in counts is none of table, vector');
      train(gpu, parameters, optimizer, [2]); // nothing is held
    }
  }));

Deno.test("no step is taken while state is saved or restored", () =>
  withGpu((gpu) => {
    using stack = new DisposableStack();
    const parameters = parametersOf(gpu, stack), [, make] = MAKERS["SGD with momentum"]!;
    using optimizer = make(gpu, parameters);
    const step = () => train(gpu, parameters, optimizer, [0]);
    step();
    const holds = [
      () => optimizer.hold(),
      () => optimizer.undisturbed(),
      () => optimizer.restore(optimizer.counts),
    ];
    for (const hold of holds) {
      using outer = optimizer.hold();
      hold()[Symbol.dispose]();
      assertThrows(
        step,
        TypeError,
        "Cannot update: first dispose of what SGD.restore(), hold() or",
      );
      outer[Symbol.dispose]();
      step();
    }
  }));
