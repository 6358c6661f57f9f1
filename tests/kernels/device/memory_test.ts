// Memory: size classes, the largest tensor, reuse, and levels that do not rise over many training steps.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { partsOf, storageIn } from "../../../kernels/device/tensor.ts";
import { sizeClass } from "../../../kernels/device/memory.ts";
import { type Gpu, IndexLinear, type LossType } from "../../../mod.ts";
import { Embedding, SGD } from "../../../nce/nn/mod.ts";
import { limitedGpu, peakMemory, withGpu, withNewGpu } from "../../support/gpu.ts";
import { randomIds } from "../../reference/data.ts";

/** Tables lie in one buffer, even where tests run with small ones. */
const WHOLE = { maxBindingBytes: 2 ** 27 };

Deno.test("sizeClass() gives quarters of powers of two, at least 256", () => {
  assertEquals([0, 1, 255, 256].map((bytes) => sizeClass(bytes)), [256, 256, 256, 256]);
  assertEquals([257, 320, 321, 385, 449, 512].map((bytes) => sizeClass(bytes)), [
    320,
    320,
    384,
    448,
    512,
    512,
  ]);
  assertEquals([2 ** 20 + 1, 2 ** 27, 3 * 2 ** 30].map((bytes) => sizeClass(bytes)), [
    1310720,
    2 ** 27,
    3 * 2 ** 30,
  ]);
  for (let bytes = 256; bytes < 5000; bytes++) {
    const size = sizeClass(bytes);
    assert(size >= bytes && size <= 1.25 * bytes && size % 16 === 0, `${size} for ${bytes}`);
    assertEquals(sizeClass(size), size);
  }
  // Not above what a binding can hold, as with 2 GiB less a byte.
  const most = 2 ** 31 - 16;
  assertEquals([most - 100, most].map((bytes) => sizeClass(bytes, most)), [most, most]);
  assertEquals(sizeClass(most / 2, most), 2 ** 30);
});

Deno.test("tensor() and temporary() throw a RangeError when a size is no positive integer", () =>
  withGpu((gpu) => {
    for (const shape of [[0], [3, -1], [1.3], [NaN], [2 ** 40, 2 ** 40]]) {
      assertThrows(() => gpu.tensor(shape), RangeError, `Cannot make a tensor [${shape}]`);
      assertThrows(() => gpu.temporary(shape), RangeError, `Cannot make a tensor [${shape}]`);
    }
  }));

/** Checks that a tensor of one row more than fits is refused, with its size and the device's. */
function assertNamesSizes(gpu: Gpu): void {
  const rows = Math.floor(gpu.maxTensorBytes / 400) + 1, sizes = `[${rows},100] of ${400 * rows}`;
  const message = `Cannot make a tensor ${sizes} bytes: ${gpu.name} binds at most `;
  for (const make of [gpu.tensor.bind(gpu), gpu.temporary.bind(gpu)]) {
    const error = assertThrows(() => make([rows, 100]), RangeError);
    const cure = "; a table of many rows may be larger (gpu.table)";
    assertEquals(error.message, message + gpu.maxTensorBytes + cure);
  }
}

Deno.test("a tensor holds what one binding holds in whole vectors of 16 bytes, and an error names it", () =>
  withGpu((gpu) => {
    const { maxBufferSize, maxStorageBufferBindingSize } = gpu.device.limits;
    const unused = Math.min(maxBufferSize, maxStorageBufferBindingSize) - gpu.maxTensorBytes;
    assert(unused >= 0 && unused < 16 && gpu.maxTensorBytes % 16 === 0, `${unused} unused`);
    assertNamesSizes(gpu);
  }));

Deno.test("tensor() makes the largest tensor of any device, and refuses one of an element more", async () => {
  for (const unused of [0, 4, 8, 12]) {
    const limit = 2 ** 20 + unused;
    for (const name of ["maxStorageBufferBindingSize", "maxBufferSize"]) {
      await using gpu = await limitedGpu({ [name]: limit });
      assertEquals(gpu.maxTensorBytes, 2 ** 20, `${name} ${limit}`);
      using largest = gpu.tensor([2 ** 18]), pooled = gpu.temporary([2 ** 18]);
      assertEquals([largest, pooled].map((tensor) => storageIn(tensor).buffer.size), [
        2 ** 20,
        2 ** 20,
      ]);
      assertThrows(() => gpu.tensor([2 ** 18 + 1]), RangeError, `at most ${2 ** 20}`);
      assertNamesSizes(gpu);
    }
  }
});

Deno.test("table() makes no part that the device cannot bind, however large parts may be", async () => {
  const limits = { maxStorageBufferBindingSize: 2 ** 17 };
  await using gpu = await limitedGpu(limits, { maxBindingBytes: 2 ** 30 });
  using table = gpu.table([2 ** 13, 5]);
  assertEquals(partsOf(table).map(({ shape }) => shape), [[6528, 5], [1664, 5]]);
});

Deno.test("temporary() takes a free buffer of the same class, tensor() makes its own", () =>
  withNewGpu((gpu) => {
    const first = gpu.temporary([70]), { buffer } = storageIn(first);
    assertEquals(gpu.memory, { bytes: 320, buffers: 1, freeBytes: 0, peakBytes: 320, steps: 0 });
    first.dispose();
    assertEquals(gpu.memory, { bytes: 0, buffers: 0, freeBytes: 320, peakBytes: 320, steps: 0 });
    using again = gpu.temporary([80]);
    assert(storageIn(again).buffer === buffer);
    using other = gpu.temporary([80]);
    assert(storageIn(other).buffer !== buffer);
    const own = gpu.tensor([5]);
    assertEquals(gpu.memory, { bytes: 672, buffers: 3, freeBytes: 0, peakBytes: 672, steps: 0 });
    own.dispose();
    assertEquals(gpu.memory, { bytes: 640, buffers: 2, freeBytes: 0, peakBytes: 672, steps: 0 });
  }));

Deno.test("free buffers of 1 GiB are kept", () =>
  withNewGpu((gpu) => {
    const tensors = Array.from({ length: 9 }, () => gpu.temporary([2 ** 25]));
    for (const tensor of tensors) tensor.dispose();
    assertEquals(gpu.memory.freeBytes, 2 ** 30);
  }));

Deno.test("free buffers of sizes that are no longer used make room for those that are", () =>
  withNewGpu((gpu) => {
    const release = (size: number) => gpu.temporary([size]).dispose();
    const stale = Array.from({ length: 8 }, () => gpu.temporary([2 ** 25]));
    for (const tensor of stale) tensor.dispose();
    release(2 ** 24);
    assertEquals(gpu.memory.freeBytes, 2 ** 30);
    for (let i = 0; i < 4096; i++) release(64);
    release(2 ** 24);
    assertEquals(gpu.memory.freeBytes, 2 ** 26 + 256);
  }));

Deno.test("a buffer goes back when the last of its tensors ends, and only once", () =>
  withGpu((gpu) => {
    const whole = gpu.temporary([4, 64]), view = whole.slice(1, 2), flat = view.reshape([128]);
    whole.dispose(), whole.dispose();
    view.dispose();
    assertEquals(gpu.memory.buffers, 1);
    flat.dispose();
    assertEquals(gpu.memory.buffers, 0);
  }));

/** A table and an output layer, small enough for many steps. */
function makeModel(gpu: Gpu, lossType: LossType, perWord: boolean, classes = 11) {
  const embedding = new Embedding(gpu, { numEmbeddings: classes, embeddingDim: 4 });
  const noise = new Float64Array(classes).fill(1);
  const options = { embeddingDim: 4, numClasses: classes, noise, noiseRatio: 5, perWord, lossType };
  const criterion = new IndexLinear(gpu, options);
  const parameters = [...embedding.parameters(), ...criterion.parameters()];
  const optimizer = new SGD(gpu, parameters, { lr: 0.1, momentum: 0.9, clip: 1 });
  return {
    train(number: number, rows: number) {
      using step = gpu.step({ training: true, number });
      const input = step.upload(randomIds(rows, classes, number));
      const target = step.upload(randomIds(rows, classes, number + 1));
      const loss = criterion.forward(step, target, embedding.forward(step, input));
      optimizer.step(step.backward(loss));
    },
    [Symbol.dispose]() {
      optimizer[Symbol.dispose](), criterion.dispose(), embedding.dispose();
    },
  };
}

Deno.test("memory in use and free stays level over 300 training steps of changing length", () =>
  withNewGpu(async (gpu) => {
    using model = makeModel(gpu, "nce", false);
    const lengths = [3, 40, 7, 25];
    model.train(0, 3); // the optimizer makes its state when it sees the gradients
    const start = gpu.memory;
    const run = async (begin: number, end: number) => {
      for (let number = begin; number < end; number++) {
        model.train(number, lengths[number % 4]!);
        assertEquals([gpu.memory.bytes, gpu.memory.buffers], [start.bytes, start.buffers]);
        await gpu.keepUp();
      }
    };
    await run(0, 8);
    const { freeBytes } = gpu.memory;
    assert(freeBytes > 0);
    await run(8, 300);
    assertEquals(gpu.memory.freeBytes, freeBytes);
  }));

Deno.test("steps of lengths that were there before take the same buffers: no bind group is new", () =>
  withNewGpu(async (gpu) => {
    using model = makeModel(gpu, "nce", false);
    const { createBindGroup } = GPUDevice.prototype;
    let made = 0;
    GPUDevice.prototype.createBindGroup = function (descriptor) {
      made++;
      return createBindGroup.call(this, descriptor);
    };
    try {
      for (let number = 0; number < 40; number++) {
        if (number === 12) made = 0;
        model.train(number, [3, 40, 7, 25][number % 4]!);
        assert(number !== 3 || made > 0);
      }
      await gpu.finish();
      assertEquals(made, 0);
    } finally {
      GPUDevice.prototype.createBindGroup = createBindGroup;
    }
  }));

Deno.test("a training step's memory does not depend on the number of classes, unless it is full", () =>
  withGpu(async (gpu) => {
    const measure = async (lossType: LossType, perWord: boolean, classes: number) => {
      using model = makeModel(gpu, lossType, perWord, classes);
      model.train(0, 20); // the optimizer makes its state when it sees the gradients
      return await peakMemory(gpu, () => model.train(0, 20));
    };
    for (const lossType of ["nce", "sampled", "mix"] as const) {
      for (const perWord of [false, true]) {
        const small = await measure(lossType, perWord, 1000);
        const large = await measure(lossType, perWord, 50_000);
        assertEquals(large, small, `${lossType}, ${perWord ? "per word" : "shared"}`);
        assert(small.bytes > 0);
      }
    }
    const full = await measure("full", false, 50_000);
    assert(full.largest >= 20 * 50_000 * 4);
  }, WHOLE));

Deno.test("a pooled buffer is no larger than a tensor can be", async () => {
  await using gpu = await limitedGpu({ maxStorageBufferBindingSize: 4352 });
  using _full = gpu.temporary([gpu.maxTensorBytes / 4]);
  assertEquals([gpu.maxTensorBytes, gpu.memory.bytes], [4352, 4352]);
});
