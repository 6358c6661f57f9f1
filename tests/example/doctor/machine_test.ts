// What the doctor says of adapters, drivers and threads.

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Machine,
  machineFindings,
  type Processors,
  processors,
} from "../../../example/doctor/machine.ts";
import { withGpu } from "../../support/gpu.ts";

/** Warnings of a machine, each with its cure. */
function warnings(
  gpu: Machine,
  changes: Partial<Machine>,
  devices: readonly string[] = [],
  processors: Processors = { cores: 8, threads: 16 },
): string[] {
  const { name, software, backend, subgroupSize, maxTensorBytes, device } = gpu;
  const machine = { name, software, backend, subgroupSize, maxTensorBytes, device, ...changes };
  return machineFindings(machine, devices, processors).filter(({ grade }) => grade === "warn")
    .map(({ name, text, cure }) => `${name}: ${text}; ${cure}`);
}

Deno.test("machineFindings() warns of OpenGL, an unused GPU, few threads, and no subgroups", () =>
  withGpu((gpu) => {
    const good = { software: true, backend: "vulkan", subgroupSize: 8 } as const;
    assertEquals(warnings(gpu, good), []);
    const [opengl] = warnings(gpu, { ...good, backend: "opengl" });
    assertStringIncludes(opengl!, "adapter: this is OpenGL");
    assertStringIncludes(opengl!, "install a Vulkan driver");
    const [unused] = warnings(gpu, good, ["/dev/nvidia0"]);
    assertStringIncludes(
      unused!,
      "there is an NVIDIA GPU (/dev/nvidia0) that Vulkan does not offer",
    );
    assertStringIncludes(unused!, "; install the Vulkan part of its driver");
    const few = { cores: 8, threads: 2 };
    assertStringIncludes(warnings(gpu, good, [], few)[0]!, "threads: 2 for 8 cores");
    assertStringIncludes(warnings(gpu, good, [], few)[0]!, "or set it to 16, where");
    assertEquals(warnings(gpu, { ...good, software: false }, [], few), [], "a GPU has its own");
    assertEquals(warnings(gpu, good, [], { cores: 8, threads: 8 }), [], "one for each");
    const unread = { cores: 8, threads: undefined };
    assertStringIncludes(warnings(gpu, good, [], unread)[0]!, "--allow-env=LP_NUM_THREADS");
    assertStringIncludes(warnings(gpu, { ...good, subgroupSize: 0 })[0]!, "subgroups: none");
  }));

Deno.test("machineFindings() tells the adapter's limits, lanes and timestamps", () => {
  const limits = {
    maxBufferSize: 4e9,
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupStorageSize: 32_000,
  } as GPUSupportedLimits;
  const texts = (features: string[], threads?: number) =>
    machineFindings(
      {
        ...{ name: "lava", software: true, backend: "vulkan", subgroupSize: 8 },
        ...{ maxTensorBytes: 2e9, device: { limits, features: new Set(features) } },
      } as Machine,
      [],
      { cores: 4, threads },
    ).slice(1).map(({ name, text }) => `${name}: ${text}`);
  assertEquals(texts([], 8), [
    "threads: 8 for 4 cores (LP_NUM_THREADS)",
    "limits: a tensor has up to 2 GB, a buffer 4 GB, a workgroup 1,024 threads and 32 kB",
    "subgroups: 8 lanes",
    "timestamps: none: no --prof",
  ]);
  const [threads, , , timestamps] = texts(["timestamp-query"]);
  assertEquals(threads, "threads: 4 cores; LP_NUM_THREADS may not be read");
  assertEquals(timestamps, "timestamps: yes: --prof can time kernels");
});

Deno.test("processors() reads how many threads Mesa's driver has, if that is a number", () => {
  const name = "LP_NUM_THREADS", before = Deno.env.get(name);
  try {
    const threads = ["1", "16", "0", "1.5", "many"].map((text) => {
      Deno.env.set(name, text);
      return processors().threads;
    });
    assertEquals(threads, [1, 16, undefined, undefined, undefined]);
    Deno.env.delete(name);
    assertEquals(processors(), { cores: navigator.hardwareConcurrency, threads: undefined });
  } finally {
    if (before !== undefined) Deno.env.set(name, before);
  }
});
