/** Finding an adapter and asking it for a device with everything that it can give. */

/** Which matmul and recurrent kernels suit the adapter. */
export type KernelFamily = "direct" | "tiled";

/** How to choose the adapter. */
export interface AdapterOptions {
  /** Insist on a hardware GPU. */
  hardware?: boolean;
  /** Overrides the choice of kernels by adapter, for tests and benchmarks. */
  family?: KernelFamily;
}

/** A device and what is known of its adapter. */
export interface Opened {
  device: GPUDevice;
  /** The adapter's name for people. */
  name: string;
  /** Whether the adapter is a program on the CPU. */
  software: boolean;
  /** Whether subgroup operations may be used. */
  subgroups: boolean;
  /** What a kernel with subgroup operations begins with. */
  subgroupHeader: string;
  /** Whether timestamps can be taken around a pass. */
  timestamps: boolean;
}

/** Thrown when there is no usable adapter; the message says what to install. */
export class NoAdapterError extends Error {
  /** Keeps the message. */
  constructor(message: string) {
    super(message);
    this.name = "NoAdapterError";
  }
}

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Opens the best adapter with its real limits. Throws {@linkcode NoAdapterError}. */
export async function openAdapter(options: AdapterOptions = {}): Promise<Opened> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new NoAdapterError(
      "No WebGPU adapter found; install a Vulkan driver (on Debian or Ubuntu: " +
        "apt-get install libvulkan1 mesa-vulkan-drivers)",
    );
  }
  const { info } = adapter;
  const name = info.description || info.device || info.vendor || "unnamed adapter";
  const software = /llvmpipe|lavapipe|swiftshader|software|basic render/i.test(
    `${info.vendor} ${info.architecture} ${info.device} ${info.description}`,
  );
  if (options.hardware && software) {
    throw new NoAdapterError(`No hardware GPU found, only the software adapter ${name}`);
  }
  const requiredLimits: Record<string, number> = {};
  for (const limit of LIMITS) requiredLimits[limit] = adapter.limits[limit];
  const features: GPUFeatureName[] = [];
  if (adapter.features.has("timestamp-query")) features.push("timestamp-query");
  const subgroupFeature = "subgroups" as GPUFeatureName;
  // Deno grants subgroups without listing them, and its compiler rejects the enable line then.
  const listed = adapter.features.has(subgroupFeature);
  let device: GPUDevice, subgroups = true;
  try {
    const requiredFeatures = [...features, subgroupFeature];
    device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
  } catch {
    // A failed request uses the adapter up in some implementations: ask again.
    const again = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
    device = await (again ?? adapter).requestDevice({ requiredLimits, requiredFeatures: features });
    subgroups = false;
  }
  return {
    device,
    name,
    software,
    subgroups,
    subgroupHeader: listed ? "enable subgroups;\n" : "",
    timestamps: features.includes("timestamp-query"),
  };
}
