/** Finding an adapter and asking it for a device with everything that it can give. */

/** Kernels, sizes and waits that suit programs on the CPU, or GPUs. */
export type KernelFamily = "software" | "hardware";

/**
 * The API below WebGPU; `unknown` where nothing tells it, as in most browsers.
 *
 * Where a Linux machine has no Vulkan driver, Deno offers OpenGL, under the same name. On a software
 * adapter that is 2 to 20 times slower: install Vulkan (Debian and Ubuntu: `libvulkan1
 * mesa-vulkan-drivers`). To have no adapter rather than OpenGL, start Deno with
 * `DENO_WEBGPU_BACKEND=vulkan` in the environment.
 *
 * Do so also for `deno test` and for programs with workers. Deno opens OpenGL even where it then takes
 * Vulkan, and a thread other than the main one that has done so may end while the process exits:
 * OpenGL's libEGL then sometimes frees memory twice, and the process aborts after its work is done.
 */
export type Backend = "vulkan" | "opengl" | "metal" | "d3d12" | "unknown";

/** How to choose the adapter. */
export interface AdapterOptions {
  /** Insist on a hardware GPU. */
  hardware?: boolean;
  /** Overrides the choice of kernels by adapter, for tests and benchmarks. */
  family?: KernelFamily;
}

/** What an adapter is. */
export interface AdapterTraits {
  /** The adapter's name for people. */
  readonly name: string;
  /** Whether the adapter is a program on the CPU. */
  readonly software: boolean;
  /** The API below WebGPU. */
  readonly backend: Backend;
}

/** A device and what is known of its adapter. */
export interface Opened extends AdapterTraits {
  device: GPUDevice;
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

/** Chromium's names of backends. */
const NAMED_BACKENDS: Readonly<Record<string, Backend>> = {
  "vulkan": "vulkan",
  "opengl": "opengl",
  "opengles": "opengl",
  "metal": "metal",
  "d3d12": "d3d12",
};

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** The best adapter: hardware before software, and Vulkan before OpenGL among equals. */
export async function requestAdapter(): Promise<GPUAdapter | null> {
  return await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? null;
}

/** What `adapter` says of itself. */
export function describeAdapter(adapter: GPUAdapter): AdapterTraits {
  const { vendor, architecture, device, description } = adapter.info;
  return {
    name: description || device || vendor || "unnamed adapter",
    software: /llvmpipe|lavapipe|swiftshader|software|basic render/i.test(
      `${vendor} ${architecture} ${device} ${description}`,
    ),
    backend: backendOf(adapter),
  };
}

/** The API below WebGPU, which no standard member tells. */
function backendOf({ info, features }: GPUAdapter): Backend {
  // Chromium tells it where its developer features are on.
  const { backend } = info as { backend?: string };
  if (backend !== undefined) return NAMED_BACKENDS[backend] ?? "unknown";
  // Deno gives the vendor as a number; other browsers do not let their backend be seen.
  if (!/^\d+$/.test(info.vendor)) return "unknown";
  // Its OpenGL never has this feature and cannot ask for subgroups: it reports the widest bounds.
  const widest = info.subgroupMinSize === 4 && info.subgroupMaxSize === 128;
  if (widest && !features.has("bgra8unorm-storage")) return "opengl";
  // Deno drives macOS by Metal alone, and Windows by Vulkan or Direct3D 12, which look alike.
  if (/^mac/i.test(navigator.platform)) return "metal";
  return /^win/i.test(navigator.platform) ? "unknown" : "vulkan";
}

/** Opens the best adapter with its real limits. Throws {@linkcode NoAdapterError}. */
export async function openAdapter(options: AdapterOptions = {}): Promise<Opened> {
  const adapter = await requestAdapter();
  if (adapter === null) {
    throw new NoAdapterError(
      "No WebGPU adapter found; install a Vulkan driver (on Debian or Ubuntu: " +
        "apt-get install libvulkan1 mesa-vulkan-drivers)",
    );
  }
  const traits = describeAdapter(adapter);
  if (options.hardware && traits.software) {
    throw new NoAdapterError(`No hardware GPU found, only the software adapter ${traits.name}`);
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
    const again = await requestAdapter();
    device = await (again ?? adapter).requestDevice({ requiredLimits, requiredFeatures: features });
    subgroups = false;
  }
  return {
    ...traits,
    device,
    subgroups,
    subgroupHeader: listed ? "enable subgroups;\n" : "",
    timestamps: features.includes("timestamp-query"),
  };
}
