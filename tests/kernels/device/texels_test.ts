// Texels: copies of tensors in textures, up to date whatever happens to the tensor.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { dispatchTexels } from "../../../kernels/device/device.ts";
import { makeTexels } from "../../../kernels/device/make_texels.ts";
import texelLibrary from "../../../kernels/device/_texels.wgsl" with { type: "text" };
import { Gpu, type Tensor, UseAfterDisposeError } from "../../../mod.ts";
import type { Launch } from "../../../kernels/mod.ts";
import { withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

/** A kernel that reads whole vectors from texels. */
const READ = {
  label: "read",
  source: `${texelLibrary}
    @group(2) @binding(0) var texels: Texels;
    @group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < arrayLength(&out)) { out[id.x] = textureLoad(texels, texel(4 * id.x)); }
    }`,
  inputs: [],
} satisfies Partial<Launch>;

/** A kernel that adds texels up. */
const SUM = {
  label: "sum",
  source: `${texelLibrary}
    @group(2) @binding(0) var a: Texels;
    @group(2) @binding(1) var b: Texels;
    @group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
    @compute @workgroup_size(16) fn main(@builtin(local_invocation_index) i: u32) {
      let at = texel(4 * i);
      out[i] = textureLoad(a, at) + textureLoad(b, at);
    }`,
  inputs: [],
} satisfies Partial<Launch>;

/** A kernel that doubles texels into others'. */
const DOUBLE = {
  label: "double",
  source: `${texelLibrary}
    @group(2) @binding(0) var texels: Texels;
    @group(2) @binding(1) var doubled: texture_storage_2d<rgba32float, write>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      let at = texel(4 * id.x);
      textureStore(doubled, at, 2 * textureLoad(texels, at));
    }`,
  inputs: [],
  outputs: [],
} satisfies Partial<Launch>;

/** A kernel that adds one. */
const INCREASE = {
  label: "increase",
  source: `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < arrayLength(&out)) { out[id.x] += 1; }
    }`,
  inputs: [],
} satisfies Partial<Launch>;

/** What a kernel finds in the texels of `tensor`. */
async function readTexels(gpu: Gpu, tensor: Tensor): Promise<Float32Array> {
  using out = gpu.tensor(tensor.shape);
  dispatchTexels(gpu, {
    ...READ,
    outputs: [out],
    texels: [tensor],
    grid: Math.ceil(out.size / 256),
  });
  return await gpu.readFloats(out);
}

Deno.test("texels hold a tensor's elements in their order, over several rows of a texture", () =>
  withGpu(async (gpu) => {
    for (const size of [4, 60, 16_380, 16_384, 16_388, 70_000]) {
      const data = values(size, size);
      using tensor = gpu.tensor([size], data);
      assertEquals(await readTexels(gpu, tensor), data);
    }
  }));

Deno.test("texels follow whatever writes to their tensor", () =>
  withGpu(async (gpu) => {
    const data = values(64, 1), others = values(64, 2);
    using tensor = gpu.tensor([64], data), other = gpu.tensor([64], others);
    assertEquals(await readTexels(gpu, tensor), data);
    gpu.dispatch({ ...INCREASE, outputs: [tensor], grid: 1 });
    assertEquals(await readTexels(gpu, tensor), data.map((x) => x + 1));
    gpu.copy(other, tensor);
    assertEquals(await readTexels(gpu, tensor), others);
    gpu.write(tensor, data);
    assertEquals(await readTexels(gpu, tensor), data);
    gpu.clear(tensor);
    assertEquals(await readTexels(gpu, tensor), new Float32Array(64));
  }));

Deno.test("texels are of the content before a write that follows their launch", () =>
  withGpu(async (gpu) => {
    const data = values(64, 1);
    using tensor = gpu.tensor([64], data), out = gpu.tensor([64]);
    dispatchTexels(gpu, { ...READ, outputs: [out], texels: [tensor], grid: 1 });
    gpu.write(tensor, values(64, 2));
    assertEquals(await gpu.readFloats(out), data);
  }));

Deno.test("texels of views hold the views' elements, of more of them than copies are kept", () =>
  withGpu(async (gpu) => {
    const data = values(8 * 64, 1);
    using whole = gpu.tensor([8, 64], data);
    for (const [start, count] of [[0, 8], [0, 2], [3, 1], [5, 3], [3, 4], [0, 8]] as const) {
      using view = whole.slice(start, count);
      assertEquals(await readTexels(gpu, view), data.slice(64 * start, 64 * (start + count)));
    }
  }));

Deno.test("a launch reads two views of one tensor, whichever were copied before", () =>
  withGpu(async (gpu) => {
    const data = values(3 * 64, 1);
    using whole = gpu.tensor([3, 64], data), sum = gpu.tensor([64]);
    for (const [a, b] of [[0, 1], [0, 2], [1, 0]] as const) {
      using first = whole.slice(a, 1), second = whole.slice(b, 1);
      dispatchTexels(gpu, { ...SUM, outputs: [sum], texels: [first, second], grid: 1 });
      const expected = Float32Array.from(
        { length: 64 },
        (_, i) => data[64 * a + i]! + data[64 * b + i]!,
      );
      assertEquals(await gpu.readFloats(sum), expected);
    }
  }));

Deno.test("a kernel may be given more texels than before", () =>
  withGpu(async (gpu) => {
    const data = values(64, 1);
    using first = gpu.tensor([64], data), second = gpu.tensor([64]), out = gpu.tensor([64]);
    dispatchTexels(gpu, { ...READ, outputs: [out], texels: [first], grid: 1 });
    dispatchTexels(gpu, { ...READ, outputs: [out], texels: [first, second], grid: 1 });
    assertEquals(await gpu.readFloats(out), data);
  }));

Deno.test("a launch may write texels, which the next one reads", () =>
  withGpu(async (gpu) => {
    const data = values(256, 1), { buffers } = gpu.memory;
    using first = gpu.tensor([256], data), out = gpu.tensor([256]);
    {
      using second = makeTexels(gpu, [4, 64]), third = makeTexels(gpu, [256]);
      for (const [from, to] of [[first, second], [second, third]] as const) {
        dispatchTexels(gpu, { ...DOUBLE, texels: [from], texelsOut: to, grid: 1 });
      }
      dispatchTexels(gpu, { ...READ, outputs: [out], texels: [third], grid: 1 });
      assertEquals(await gpu.readFloats(out), data.map((x) => 4 * x));
      assertEquals(gpu.memory.buffers, buffers + 5); // two tensors, a copy, two textures
    }
    assertEquals(gpu.memory.buffers, buffers + 3);
  }));

Deno.test("texels that do not fit, have ended, or are of another device are refused", async () => {
  await using other = await Gpu.create();
  await withGpu((gpu) => {
    assertThrows(() => makeTexels(gpu, [4, 6]), RangeError, "rows must be whole vectors of four");
    const message = "a texture has at most";
    assertThrows(() => makeTexels(gpu, [2 ** 20, 2 ** 20]), RangeError, message);
    using texels = makeTexels(gpu, [8]), out = gpu.tensor([8]);
    const read = { ...READ, outputs: [out], grid: 1 };
    using foreign = makeTexels(other, [8]), foreignTensor = other.tensor([8]);
    const foreigners = [{ texels: [foreign] }, { texels: [foreignTensor] }, { texelsOut: foreign }];
    for (const given of foreigners) {
      assertThrows(() => dispatchTexels(gpu, { ...read, ...given }), TypeError, "another Gpu");
    }
    using halves = gpu.table([1, 8], undefined, "f16");
    const narrow = () => dispatchTexels(gpu, { ...read, texels: [halves] });
    assertThrows(narrow, TypeError, "it takes no 16-bit floats, as a table [1,8] has");
    const both = { ...DOUBLE, texels: [texels], texelsOut: texels, grid: 1 };
    assertThrows(
      () => dispatchTexels(gpu, both),
      TypeError,
      "the same texels are read and written",
    );
    const ended = makeTexels(gpu, [8]);
    ended[Symbol.dispose]();
    assertThrows(
      () => dispatchTexels(gpu, { ...read, texels: [ended] }),
      UseAfterDisposeError,
      "[8]",
    );
  });
});

Deno.test("copies are counted, and go back to the pool with their tensor or its next value", async () => {
  await using gpu = await Gpu.create(); // whose pool is empty
  const { bytes, buffers } = gpu.memory;
  const tensor = gpu.tensor([64], values(64, 1));
  await readTexels(gpu, tensor);
  assertEquals([gpu.memory.buffers, gpu.memory.bytes], [buffers + 2, bytes + 256 + 65_536]);
  gpu.write(tensor, values(64, 2));
  assertEquals([gpu.memory.buffers, gpu.memory.freeBytes], [buffers + 1, 65_536]);
  await readTexels(gpu, tensor);
  assertEquals([gpu.memory.buffers, gpu.memory.freeBytes], [buffers + 2, 0]);
  tensor.dispose();
  assert(gpu.memory.bytes === bytes && gpu.memory.freeBytes === 65_536);
});
