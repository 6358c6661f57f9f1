// Nothing is computed while an optimizer's state is held, undisturbed or loaded.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { gather, sum } from "../../../kernels/ops.ts";
import { Gpu } from "../../../mod.ts";
import type { NamedParameter } from "../../../nce/nn/mod.ts";
import { withGpu } from "../../support/gpu.ts";
import { bitsOf, fillFrom, FIRST, REST, sceneOf, train, V, W } from "../../support/optimizers.ts";

const MOMENTUM = "SGD with momentum";

Deno.test("an optimizer takes no step while it is held, undisturbed, loaded, or after half a load", () =>
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    const scene = sceneOf(gpu, stack, MOMENTUM), { optimizer, parameters } = scene;
    train(gpu, parameters, optimizer, FIRST);
    const saved = await optimizer.save();
    const refuses = async (why: string, ...doing: ("step" | "save" | "load" | "undisturbed")[]) => {
      const message = (what: string) => `Cannot ${what} SGD ${why}`;
      if (doing.includes("step")) {
        using step = gpu.step({ training: true });
        const gradients = step.backward(sum(step, parameters[1]![1]));
        assertThrows(() => optimizer.step(gradients), TypeError, message("step"));
      }
      if (doing.includes("load")) {
        assertThrows(() => optimizer.load(saved), TypeError, message("load"));
      }
      if (doing.includes("undisturbed")) {
        assertThrows(() => optimizer.undisturbed(), TypeError, message("keep undisturbed"));
      }
      if (doing.includes("save")) {
        await assertRejects(() => optimizer.save(), TypeError, message("save"));
      }
    };
    const held = optimizer.state(), again = optimizer.state();
    const why = "while its state is held: await save(), or dispose of what state() returned, first";
    await refuses(why, "step", "load", "undisturbed");
    held[Symbol.dispose](), held[Symbol.dispose]();
    await refuses(why, "step", "load", "undisturbed");
    again[Symbol.dispose]();
    {
      using _undisturbed = optimizer.undisturbed();
      await refuses(
        "while it is undisturbed: dispose of what undisturbed() returned first",
        ...["step", "save", "load", "undisturbed"] as const,
      );
    }
    const saving = optimizer.save();
    await refuses(why, "step", "load", "undisturbed");
    assertEquals(await saving, saved);
    const loading = optimizer.load(saved, fillFrom(gpu, saved));
    const all = ["step", "save", "load", "undisturbed"] as const;
    await refuses("while it is loaded: await load() first", ...all);
    await loading;
    const gone = optimizer.load(saved, () => {
      throw new Error("gone");
    });
    await assertRejects(() => gone, Error, "gone");
    const half = "after loading has failed half-way: load a whole state first";
    await refuses(half, "step", "save", "undisturbed");
    optimizer.load(saved);
    train(gpu, parameters, optimizer, REST);
    const expected = sceneOf(gpu, stack, MOMENTUM);
    train(gpu, expected.parameters, expected.optimizer, [...FIRST, ...REST]);
    assertEquals(await bitsOf(gpu, scene), await bitsOf(gpu, expected));
  }));

Deno.test("while a state is held, tables whose rows wait are read by it alone", () =>
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    const scene = sceneOf(gpu, stack, MOMENTUM), { optimizer, parameters } = scene;
    const [[, table], [, vector]] = parameters as [NamedParameter, NamedParameter];
    const uses: (() => unknown)[] = [
      () => gpu.read(table),
      () => gpu.write(table, new Float32Array(V * W)),
      () => gpu.clear(table),
      () => {
        using step = gpu.step();
        gather(step, table, step.upload(Uint32Array.of(1)));
      },
    ];
    {
      using _state = optimizer.state(); // nothing waits
      await gpu.read(table);
    }
    train(gpu, parameters, optimizer, FIRST);
    const before = await optimizer.save();
    {
      using state = optimizer.state();
      for (const use of uses) {
        await assertRejects(
          async () => void await use(),
          TypeError,
          `Cannot use the table [${V},${W}] while it is saved with updates that wait: await save(), or ` +
            "dispose of what state() returned, first",
        );
      }
      await gpu.read(vector);
      using view = state.tensors[0]![1].slice(0, 64);
      assertThrows(() => gpu.clear(view), TypeError, "Cannot use the table");
    }
    assertEquals(await optimizer.save(), before);
  }));

Deno.test("SGD refuses to be saved while its state changes", () =>
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    const { optimizer, parameters } = sceneOf(gpu, stack, MOMENTUM);
    const saving = optimizer.save();
    gpu.clear(parameters[1]![1]);
    const message = "Cannot save SGD: vector changed meanwhile; await save() first";
    await assertRejects(() => saving, TypeError, message);
    await optimizer.save();
  }));

Deno.test("after a fault of the device, undisturbed() hides nothing", async () => {
  const gpu = await Gpu.create();
  using stack = new DisposableStack();
  const { optimizer, parameters } = sceneOf(gpu, stack, MOMENTUM);
  train(gpu, parameters, optimizer, FIRST);
  const run = async () => {
    using _undisturbed = optimizer.undisturbed();
    await gpu[Symbol.asyncDispose]();
    throw new Error("the cause");
  };
  const error = await assertRejects(run, Error);
  assertEquals(error.message, "the cause");
});
