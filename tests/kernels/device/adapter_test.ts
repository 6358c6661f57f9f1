// Opening an adapter: its limits and subgroups, and what people are told where there is none.

import { assertEquals, assertRejects } from "@std/assert";
import { openAdapter, requestAdapter } from "../../../kernels/device/adapter.ts";
import { Gpu, NoAdapterError } from "../../../mod.ts";
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

/** What Gpu.create() says where `object` has these members. */
async function toldWhere(object: object, members: Record<string, unknown>): Promise<string> {
  const own = Object.getOwnPropertyDescriptors(object);
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(object, name, { value, configurable: true });
  }
  try {
    return (await assertRejects(() => Gpu.create(), NoAdapterError)).message;
  } finally {
    for (const name in members) {
      if (own[name]) Object.defineProperty(object, name, own[name]);
      else Reflect.deleteProperty(object, name);
    }
  }
}

Deno.test("without an adapter, Gpu.create() gives the advice for where it runs", async () => {
  const gpu = { requestAdapter: () => Promise.resolve(null) }, browser = "Mozilla/5.0";
  const vulkan =
    "No WebGPU adapter found; install a Vulkan driver (on Debian or Ubuntu: apt-get install " +
    "libvulkan1 mesa-vulkan-drivers)";
  const driver =
    "No WebGPU adapter found; update the graphics driver, or allow the browser to use it";
  const none =
    "No WebGPU here: a browser that has it gives it to secure pages alone (https or localhost), and Node needs " +
    "a package that sets navigator.gpu";
  const told = (members: Record<string, unknown>) => toldWhere(navigator, members);
  assertEquals(await told({ gpu, userAgent: "Deno/2", platform: "linux" }), vulkan);
  assertEquals(await told({ gpu, userAgent: "Deno/2", platform: "MacIntel" }), driver);
  assertEquals(await told({ gpu, userAgent: browser, platform: "Linux x86_64" }), driver);
  assertEquals(await told({ gpu: undefined, userAgent: browser }), none);
  assertEquals(await toldWhere(globalThis, { navigator: undefined }), none); // Node 20
  await using opened = await Gpu.create(); // all is as it was
  assertEquals(opened.working, true);
});
