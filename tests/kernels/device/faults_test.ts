// Faults: the first cause is what a user is told, whatever comes of it and whoever disposes of what.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { DeviceError, Gpu, IndexLinear, OutOfMemoryError } from "../../../mod.ts";
import { Embedding, SGD } from "../../../nce/nn/mod.ts";
import { turn } from "../../../kernels/device/faults.ts";
import { KernelCompileError } from "../../../kernels/mod.ts";
import { withGpu } from "../../support/gpu.ts";
import { exhaust, outOfMemory } from "../../support/out_of_memory.ts";
import { randomIds, values } from "../../reference/data.ts";

const BROKEN = {
  label: "broken",
  source: `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1) fn main() { out[0] = missing; }`,
  inputs: [],
  grid: 1,
};

/** Trains a small model until `fail` has had its effect, every `using` block of it left by the error. */
async function train(gpu: Gpu, fail: (number: number) => void): Promise<void> {
  using embedding = new Embedding(gpu, { numEmbeddings: 50, embeddingDim: 4 });
  using layer = new IndexLinear(gpu, { embeddingDim: 4, numClasses: 50, noise: Array(50).fill(1) });
  const parameters = [...embedding.parameters(), ...layer.parameters()];
  using optimizer = new SGD(gpu, parameters, { lr: 0.1, momentum: 0.9, weightDecay: 0.1 });
  for (let number = 0; number < 100; number++) {
    using step = gpu.step({ training: true, number });
    const x = embedding.forward(step, step.upload(randomIds(20, 50, number)));
    if (number === 3) fail(number);
    const loss = layer.forward(step, step.upload(randomIds(20, 50, number + 1)), x);
    optimizer.step(step.backward(loss));
    await gpu.keepUp();
  }
}

Deno.test("a kernel's error that is met in a loop of steps is told with its line, and ends the loop", () =>
  withGpuThatFails(async (gpu) => {
    using out = gpu.tensor([1]);
    let steps = 0;
    const loop = async () => {
      for (; steps < 100; steps++) {
        using _step = gpu.step();
        gpu.dispatch({ ...BROKEN, outputs: [out] });
        await gpu.keepUp();
      }
    };
    const error = await assertRejects(loop, KernelCompileError, "kernel of broken");
    assertMatch(error.message, /2:\d+/);
    assertEquals(steps, 0);
    assertThrows(() => gpu.step(), KernelCompileError, "kernel of broken");
    await assertRejects(() => gpu.read(out), KernelCompileError, "kernel of broken");
  }));

Deno.test("a kernel whose bindings are not those of the launch is told what the launch has", async () => {
  const source = BROKEN.source.replace("missing", "1.0");
  for (const [inputs, outputs] of [[1, 1], [1, 0]] as const) {
    await withGpuThatFails(async (gpu) => {
      using a = gpu.tensor([1]), b = gpu.tensor([1]);
      const bound = { inputs: [a].slice(0, inputs), outputs: [b].slice(0, outputs) };
      gpu.dispatch({ ...BROKEN, source, ...bound });
      const found =
        `Cannot compile the kernel of broken: the launch has ${inputs} inputs, read in ` +
        `group 0 from binding 0 on, and ${outputs} outputs, read_write from binding 1 on; `;
      await assertRejects(() => gpu.finish(), KernelCompileError, found);
    });
  }
});

Deno.test("a cause is told although the device reports what comes of it first", () =>
  withGpuThatFails(async (gpu) => {
    const { device } = gpu, popErrorScope = device.popErrorScope;
    // As where the device is another process: the answer comes some turns after the event.
    device.popErrorScope = async () => {
      const error = await popErrorScope.call(device);
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve));
      return error;
    };
    using out = gpu.tensor([1]);
    gpu.dispatch({ ...BROKEN, outputs: [out] });
    gpu.submit();
    await new Promise((resolve) => setTimeout(resolve)); // the event of the invalid pipeline
    await assertRejects(() => gpu.keepUp(), KernelCompileError, "kernel of broken");
  }));

Deno.test("blocks that end because the device is lost end in silence: the loss is what is thrown", () =>
  withGpuThatFails(async (gpu) => {
    const error = await assertRejects(() => train(gpu, () => gpu.device.destroy()));
    assertInstanceOf(error, DeviceError);
    assertStringIncludes(error.message, "device lost");
    assertEquals(gpu.memory.buffers, 0);
  }));

Deno.test("blocks that end because a kernel does not compile end in silence, too", () =>
  withGpuThatFails(async (gpu) => {
    const fail = () => {
      using out = gpu.temporary([1]);
      gpu.dispatch({ ...BROKEN, outputs: [out] });
    };
    const error = await assertRejects(() => train(gpu, fail));
    assertInstanceOf(error, KernelCompileError);
    assertEquals(gpu.memory.buffers, 0);
  }));

Deno.test("out of memory: the error names what was wanted and what is held, not what came of it", () =>
  withGpuThatFails(async (gpu) => {
    using held = gpu.tensor([256]), _first = gpu.step(), _second = gpu.step();
    {
      using _full = outOfMemory(gpu.device);
      using lost = gpu.temporary([1000, 3]);
      gpu.copy(lost, held);
      gpu.write(lost, values(3000, 1));
    }
    const error = await assertRejects(() => gpu.read(held), DeviceError);
    assertInstanceOf(error, OutOfMemoryError);
    assertEquals(
      error.found,
      "out of GPU memory: asked for 12.3 kB (a tensor [1000,3]), held 1.02 kB (2 steps have " +
        "not ended: using step = gpu.step())",
    );
    assertStringIncludes(error.message, `${error.found}; make the batch or the model smaller`);
    assertThrows(() => gpu.step(), DeviceError, "[1000,3]");
  }));

Deno.test("out of memory in training is what is thrown, whatever was in use", () =>
  withGpuThatFails(async (gpu) => {
    const fail = () => {
      using _full = outOfMemory(gpu.device);
      gpu.tensor([7, 9]).dispose();
    };
    const error = await assertRejects(() => train(gpu, fail));
    assertInstanceOf(error, DeviceError);
    assertMatch(
      error.message,
      /^out of GPU memory: asked for 256 byte \(a tensor \[7,9\]\), held [\d.]+ kB/,
    );
  }));

Deno.test("out of memory outside of a tensor names what is held", () =>
  withGpuThatFails(async (gpu) => {
    using held = gpu.tensor([256]);
    gpu.clear(held);
    exhaust(gpu.device);
    const error = await assertRejects(() => gpu.finish().then(() => gpu.finish()), DeviceError);
    assertStringIncludes(error.message, "out of GPU memory at or before clear: held 1.02 kB; make");
  }));

Deno.test("an error of the device is told, though the call before it has thrown one", () =>
  withGpuThatFails(async (gpu) => {
    gpu.device.createBuffer = () => {
      throw new Error("no buffer");
    };
    assertThrows(() => gpu.temporary([4096]), Error, "no buffer");
    Reflect.deleteProperty(gpu.device, "createBuffer");
    exhaust(gpu.device);
    await assertRejects(() => gpu.finish().then(() => gpu.finish()), OutOfMemoryError);
  }));

Deno.test("nothing waits for a device that is lost, and its first error stays the one that is told", () =>
  withGpuThatFails(async (gpu) => {
    const { device } = gpu;
    using out = gpu.tensor([1]);
    gpu.dispatch({ ...BROKEN, outputs: [out] });
    gpu.dispatch({ ...BROKEN, label: "broken, too", source: `${BROKEN.source} `, outputs: [out] });
    await assertRejects(() => gpu.finish(), KernelCompileError, "kernel of broken: ");
    device.destroy();
    await device.lost;
    let waits = 0;
    device.queue.onSubmittedWorkDone = () => {
      waits++;
      return new Promise(() => {});
    };
    await assertRejects(() => gpu.finish(), KernelCompileError, "kernel of broken: ");
    await gpu[Symbol.asyncDispose]();
    assertEquals(waits, 0);
  }));

Deno.test("a Gpu whose device is lost while its end waits for it ends", async () => {
  const gpu = await Gpu.create(), { device } = gpu;
  device.queue.onSubmittedWorkDone = () => new Promise(() => {});
  const ended = gpu[Symbol.asyncDispose]();
  device.destroy();
  await ended;
});

Deno.test("whatever waits for a device that is dying throws a DeviceError", async () => {
  const waits: Record<string, (gpu: Gpu) => Promise<unknown>> = {
    read: async (gpu) => {
      using x = gpu.tensor([4]);
      return await gpu.read(x);
    },
    finish: (gpu) => gpu.finish(),
    profile: (gpu) => gpu.profile(() => gpu.device.destroy()),
    keepUp: async (gpu) => {
      for (let i = 0; i < 50; i++) await gpu.keepUp();
    },
  };
  for (const [name, wait] of Object.entries(waits)) {
    await withGpuThatFails(async (gpu) => {
      const waiting = wait(gpu);
      if (name !== "profile") gpu.device.destroy();
      const error = await assertRejects(() => waiting, DeviceError, "", name);
      assertStringIncludes(error.message, "device lost", name);
    });
  }
});

Deno.test("Gpu.create() throws a DeviceError when the adapter gives no device", async () => {
  const { gpu } = navigator, requestAdapter = gpu.requestAdapter;
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter.call(gpu, options);
    if (!adapter) return null;
    const requestDevice = adapter.requestDevice;
    adapter.requestDevice = () =>
      requestDevice.call(adapter, { requiredLimits: { maxBufferSize: 2 ** 53 - 1 } });
    return adapter;
  };
  try {
    const error = await assertRejects(
      () => Gpu.create(),
      DeviceError,
      "GPU error at or before start",
    );
    assert(error.cause instanceof Error);
  } finally {
    gpu.requestAdapter = requestAdapter;
  }
});

Deno.test("a loop that does not fail is told nothing", () =>
  withGpu((gpu) => train(gpu, () => {})));

/** A device that may fail in `body`, after which disposing of it throws nothing, and as often as one likes. */
async function withGpuThatFails(body: (gpu: Gpu) => Promise<void>): Promise<void> {
  const gpu = await Gpu.create();
  assert(gpu.working);
  await body(gpu);
  assert(!gpu.working);
  await gpu[Symbol.asyncDispose]();
  await gpu[Symbol.asyncDispose]();
}

Deno.test("turn() lets the event loop turn: a timer that is due fires", async () => {
  let hasFired = false;
  setTimeout(() => hasFired = true);
  for (let i = 0; i < 1e5 && !hasFired; i++) await turn();
  assert(hasFired);
});
