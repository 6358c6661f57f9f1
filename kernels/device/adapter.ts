/** Finds an adapter and opens a device with all that the adapter offers. */

/** Kernels, sizes and waits for adapters that are programs on the CPU, or for GPUs. */
export type KernelFamily = "software" | "hardware";

/**
 * The API below WebGPU; `unknown` where it cannot be found out, as in most browsers.
 *
 * Without a Vulkan driver on Linux, Deno offers OpenGL, under the same adapter name. On a software
 * adapter it is 2 to 20 times slower: install Vulkan (Debian and Ubuntu: `libvulkan1
 * mesa-vulkan-drivers`). To have no adapter rather than OpenGL, start Deno with
 * `DENO_WEBGPU_BACKEND=vulkan` in the environment.
 *
 * Set it for `deno test` and for programs with workers, too. Deno opens OpenGL even where it then chooses
 * Vulkan. If a worker thread that did so ends while the process exits, OpenGL's libEGL may free memory
 * twice, and the process aborts after its work is done.
 */
export type Backend = "vulkan" | "opengl" | "metal" | "d3d12" | "unknown";

/** In what the products of layers read their weights; sums are in 32 bits all the same. */
export type Compute = "f32" | "f16";

/** Which adapter to choose. */
export interface AdapterOptions {
  /** Insist on a hardware GPU. */
  hardware?: boolean;
  /** Overrides the choice of kernels by adapter, for tests and benchmarks. */
  family?: KernelFamily;
  /**
   * In what the products of `linear`, `lstm` and `gru`, and of the layers made of these, read their weights:
   * "f32" unless given. With "f16" they read copies of half the bytes, rounded to the nearest float of 16 bits.
   * Parameters, their gradients, tables and what is computed with them stay "f32". It needs the adapter's
   * `shader-f16`.
   */
  compute?: Compute;
  /**
   * The most bytes that a table has in one buffer, but at least 64 rows, for tests and benchmarks; what the
   * device binds unless given.
   */
  maxBindingBytes?: number;
}

/** Facts about an adapter. */
export interface AdapterTraits {
  /** The adapter's name, to be shown. */
  readonly name: string;
  /** Whether the adapter is a program on the CPU. */
  readonly software: boolean;
  /** The API below WebGPU. */
  readonly backend: Backend;
}

/** A device, and facts about its adapter. */
export interface Opened extends AdapterTraits {
  device: GPUDevice;
  /** The text that a kernel with subgroup operations must begin with. */
  subgroupHeader: string;
}

/** Thrown when there is no usable adapter; the message says what to install, or what to do without. */
export class NoAdapterError extends Error {
  /** Keeps the message. */
  constructor(message: string) {
    super(message);
    this.name = "NoAdapterError";
  }
}

/** Thrown when the adapter lacks a feature that was asked for; one without it would be opened. */
export class MissingFeatureError extends NoAdapterError {
  /** Keeps the message. */
  constructor(message: string) {
    super(message);
    this.name = "MissingFeatureError";
  }
}

/** Backends by the names that Chromium gives them. */
const NAMED_BACKENDS: Readonly<Record<string, Backend>> = {
  "vulkan": "vulkan",
  "opengl": "opengl",
  "opengles": "opengl",
  "metal": "metal",
  "d3d12": "d3d12",
};

const INSTALL_VULKAN = "install a Vulkan driver (on Debian or Ubuntu: apt-get install libvulkan1 " +
  "mesa-vulkan-drivers)";

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
  return await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" }) ??
    null;
}

/** Facts about `adapter`. */
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

/** The API below WebGPU: no standard member has it. */
function backendOf({ info, features }: GPUAdapter): Backend {
  // Chromium has it where its developer features are on.
  const { backend } = info as { backend?: string };
  if (backend !== undefined) return NAMED_BACKENDS[backend] ?? "unknown";
  // Deno gives the vendor as a number; other runtimes hide their backend.
  if (!/^\d+$/.test(info.vendor)) return "unknown";
  // Deno's OpenGL never has this feature, and reports the widest possible range of subgroup sizes.
  const widest = info.subgroupMinSize === 4 && info.subgroupMaxSize === 128;
  if (widest && !features.has("bgra8unorm-storage")) return "opengl";
  // Deno uses only Metal on macOS; on Windows, Vulkan and Direct3D 12 look alike.
  if (/^mac/i.test(navigator.platform)) return "metal";
  return /^win/i.test(navigator.platform) ? "unknown" : "vulkan";
}

/**
 * Deno asks for OpenGL 3.3. Mesa gives the newest version there is; NVIDIA's driver gives 3.3, which has no
 * compute shaders, and so opening a device fails.
 */
function noDevice({ name }: AdapterTraits): NoAdapterError {
  return new NoAdapterError(
    `No WebGPU device: ${name} gives no compute shaders over OpenGL; ${INSTALL_VULKAN}; with one, set ` +
      "DENO_WEBGPU_BACKEND=vulkan",
  );
}

/** Why there is no adapter, and the cure. */
function noAdapter(): NoAdapterError {
  if (!globalThis.navigator?.gpu) {
    return new NoAdapterError(
      "No WebGPU here: a browser that has it gives it to secure pages alone (https or localhost), and Node " +
        "needs a package that sets navigator.gpu",
    );
  }
  const { userAgent, platform } = navigator, isDeno = userAgent.startsWith("Deno/");
  const cure = isDeno && /^linux/i.test(platform)
    ? INSTALL_VULKAN
    : "update the graphics driver, or allow the browser to use it";
  return new NoAdapterError(`No WebGPU adapter found; ${cure}`);
}

/** Opens the best adapter with its real limits. Throws {@linkcode NoAdapterError}. */
export async function openAdapter(options: AdapterOptions): Promise<Opened> {
  const adapter = await requestAdapter();
  if (adapter === null) throw noAdapter();
  const traits = describeAdapter(adapter);
  if (options.hardware && traits.software) {
    throw new NoAdapterError(`No hardware GPU found, only the software adapter ${traits.name}`);
  }
  const half = options.compute === "f16";
  if (half && !adapter.features.has("shader-f16")) {
    throw new MissingFeatureError(`${traits.name} cannot compute in "f16": it lacks shader-f16`);
  }
  const requiredLimits: Record<string, number> = {};
  for (const limit of LIMITS) requiredLimits[limit] = adapter.limits[limit];
  const features: GPUFeatureName[] = [];
  if (adapter.features.has("timestamp-query")) features.push("timestamp-query");
  if (half) features.push("shader-f16");
  const subgroupFeature = "subgroups" as GPUFeatureName;
  // Deno may grant subgroups without listing them; its compiler then rejects the enable line.
  const listed = adapter.features.has(subgroupFeature);
  let device: GPUDevice;
  try {
    const requiredFeatures = [...features, subgroupFeature];
    device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
  } catch {
    // Some implementations allow one request for each adapter, even a failed one: ask for another.
    const again = await requestAdapter() ?? adapter;
    device = await again.requestDevice({ requiredLimits, requiredFeatures: features })
      .catch((error) => {
        throw traits.backend === "opengl" ? noDevice(traits) : error;
      });
  }
  return { ...traits, device, subgroupHeader: listed ? "enable subgroups;\n" : "" };
}
