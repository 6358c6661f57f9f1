// Opening an adapter: its limits, its subgroups, and what takes their place where there are none.

import { assertEquals } from "@std/assert";
import { openAdapter, requestAdapter } from "../../../kernels/device/adapter.ts";
import { Gpu } from "../../../mod.ts";
import { withFeature, withGpu } from "../../support/gpu.ts";

Deno.test("a device has its adapter's limits, not WebGPU's least ones", () =>
  withGpu(async ({ device }) => {
    const adapter = await requestAdapter();
    for (
      const limit of [
        "maxBufferSize",
        "maxStorageBufferBindingSize",
        "maxStorageBuffersPerShaderStage",
        "maxComputeWorkgroupStorageSize",
        "maxComputeInvocationsPerWorkgroup",
        "maxComputeWorkgroupSizeX",
        "maxComputeWorkgroupsPerDimension",
      ] as const
    ) assertEquals(device.limits[limit], adapter?.limits[limit], limit);
  }));

Deno.test("openAdapter() lets kernels enable subgroups where the adapter lists them", async () => {
  const header = async () => {
    const { device, subgroupHeader } = await openAdapter({});
    device.destroy();
    return subgroupHeader;
  };
  await withFeature("subgroups", true, async () => {
    assertEquals(await header(), "enable subgroups;\n");
  });
  await withFeature("subgroups", false, async () => assertEquals(await header(), ""));
});

Deno.test("Gpu.create() does without subgroups, and asks each adapter for one device", async () => {
  const { requestDevice } = GPUAdapter.prototype, asked = new WeakSet<GPUAdapter>();
  GPUAdapter.prototype.requestDevice = function (descriptor) {
    const features: string[] = [...descriptor?.requiredFeatures ?? []];
    const isRefused = asked.has(this) || features.includes("subgroups");
    asked.add(this);
    return isRefused
      ? Promise.reject(new TypeError("refused"))
      : requestDevice.call(this, descriptor);
  };
  try {
    await using gpu = await Gpu.create();
    assertEquals(gpu.subgroupSize, 0);
  } finally {
    GPUAdapter.prototype.requestDevice = requestDevice;
  }
});
