// The GPU: how it is opened and disposed of, what it measures, and how its errors surface.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type AdapterOptions,
  DeviceError,
  Gpu,
  MissingFeatureError,
  NoAdapterError,
} from "../../mod.ts";
import { KernelCompileError } from "../../kernels/mod.ts";
import { COUNT, NUMBER } from "../support/counting_kernels.ts";
import { withGpu, withoutFeature } from "../support/gpu.ts";
import { values } from "../reference/data.ts";

Deno.test("a kernel that does not compile is reported with line, column and operation", async () => {
  await using gpu = await Gpu.create();
  using out = gpu.tensor([1]);
  const source = `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1) fn main() {
  out[0] = missing;
}`;
  gpu.dispatch({ label: "broken", source, inputs: [], outputs: [out], grid: 1 });
  const error = await assertRejects(() => gpu.read(out), KernelCompileError, "kernel of broken");
  assertInstanceOf(error, KernelCompileError);
  assertEquals(error.op, "broken");
  assertStringIncludes(error.message, "3:12");
  await assertRejects(() => gpu.read(out), KernelCompileError, "kernel of broken");
});

Deno.test("what the device appends to a kernel begins on a line of its own, after a comment, too", async () => {
  await using gpu = await Gpu.create();
  using out = gpu.tensor([1]);
  const source = `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1) fn main() { out[0] = 3; } // the end`;
  const codes: string[] = [], create = gpu.device.createShaderModule.bind(gpu.device);
  gpu.device.createShaderModule = (descriptor) => {
    codes.push(descriptor.code);
    return create(descriptor);
  };
  gpu.dispatch({ label: "ends", source, inputs: [], outputs: [out], grid: 1 });
  assertEquals(await gpu.read(out), Float32Array.of(3));
  assertEquals(codes.map((code) => code.slice(0, source.length + 1)), [`${source}\n`]);
});

Deno.test("an error of the device is thrown by the next call, and every later one", async () => {
  await using gpu = await Gpu.create();
  using out = gpu.tensor([1]);
  gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 1 } });
  await gpu.finish();
  gpu.device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE }); // not allowed
  await assertRejects(() => gpu.read(out), DeviceError, "GPU error at or before ");
  await assertRejects(() => gpu.finish(), DeviceError);
  assertThrows(() => gpu.step(), DeviceError);
  assertThrows(() => gpu.clear(out), DeviceError);
});

Deno.test("a lost device is reported with the operation that was last recorded", async () => {
  await using gpu = await Gpu.create();
  using out = gpu.tensor([1]);
  gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 1 } });
  await gpu.finish();
  gpu.clear(out);
  gpu.device.destroy();
  await gpu.device.lost;
  await Promise.resolve();
  assertThrows(() => gpu.step(), DeviceError, "GPU error at or before clear: device lost");
});

Deno.test("a Gpu that was disposed of throws", async () => {
  const gpu = await Gpu.create();
  const out = gpu.tensor([1]);
  await gpu[Symbol.asyncDispose]();
  assertThrows(() => gpu.step(), DeviceError, "the device was disposed of");
  assertThrows(() => gpu.tensor([1]), DeviceError, "the device was disposed of");
  assertThrows(() => gpu.temporary([1]), DeviceError, "the device was disposed of");
  assertThrows(() => gpu.write(out, values(1, 1)), DeviceError, "the device was disposed of");
  assertThrows(() => gpu.clear(out), DeviceError, "the device was disposed of");
  await assertRejects(() => gpu.read(out), DeviceError, "the device was disposed of");
  await assertRejects(() => gpu.finish(), DeviceError, "the device was disposed of");
});

Deno.test("Gpu.create() insists on hardware when asked to, and names the adapter", async () => {
  await using gpu = await Gpu.create();
  assert(gpu.name.length > 0);
  if (gpu.software) {
    const error = await assertRejects(() => Gpu.create({ hardware: true }), NoAdapterError);
    assertStringIncludes(error.message, gpu.name);
  } else {
    await using hardware = await Gpu.create({ hardware: true });
    assertEquals(hardware.name, gpu.name);
  }
});

Deno.test("Gpu.create() refuses options that it does not know", async () => {
  for (
    const [options, reason] of [
      [{ hardware: 1 }, "hardware is 1, not true or false"],
      [{ family: "" }, 'family is "", not one of "software", "hardware"'],
      [{ compute: null }, 'compute is null, not one of "f32", "f16"'],
    ] as const
  ) {
    const create = () => Gpu.create(options as unknown as AdapterOptions);
    assertStringIncludes(
      (await assertRejects(create) as Error).message,
      `Cannot create a Gpu: ${reason}`,
    );
  }
});

Deno.test("profile() counts the runs of every operation and times them", () =>
  withGpu(async (gpu) => {
    using out = gpu.tensor([1], new Uint32Array(1));
    using sum = gpu.tensor([1]);
    const profile = await gpu.profile(() => {
      for (let i = 0; i < 3; i++) gpu.dispatch({ ...NUMBER, outputs: [out], grid: 1 });
      gpu.dispatch({ ...COUNT, outputs: [sum], uniform: { amount: 2 } });
    });
    const runs = profile.rows.map(({ label, runs }) => `${label} ${runs}`).sort();
    assertEquals(runs, ["count 1", "number 3"]);
    for (const { ms } of profile.rows) assert(ms >= 0 && ms <= profile.wallMs);
    assertEquals([...await gpu.read(sum)], [2]);
  }));

Deno.test("Gpu.create() computes in 16 bits where the adapter can, and else says what it lacks", async () => {
  await withGpu(({ compute }) => assertEquals(compute, "f32"));
  await withGpu(({ compute }) => assertEquals(compute, "f16"), { compute: "f16" });
  await withoutFeature("shader-f16", async () => {
    const error = await assertRejects(() => Gpu.create({ compute: "f16" }), MissingFeatureError);
    assertStringIncludes(error.message, 'cannot compute in "f16": it lacks shader-f16');
    await withGpu(({ compute }) => assertEquals(compute, "f32"));
  });
});
