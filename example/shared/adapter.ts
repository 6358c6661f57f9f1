/** Describes the adapter to users, with advice if the machine may have a better one. */

import type { Backend, Gpu } from "../../mod.ts";
import { namesIn } from "./files.ts";

/** Properties of an adapter, as in `Gpu`. */
export type Traits = Pick<Gpu, "name" | "software" | "backend">;

/** How to get Vulkan on Linux. */
export const VULKAN_ADVICE = "install a Vulkan driver for your GPU, or Mesa's software one " +
  "(Debian and Ubuntu: sudo apt-get install -y libvulkan1 mesa-vulkan-drivers; " +
  "Fedora: sudo dnf install mesa-vulkan-drivers; Arch: sudo pacman -S vulkan-swrast)";

/** The cost of OpenGL instead of Vulkan. */
export const OPENGL_COST = "OpenGL, on a software adapter 2 to 20 times slower than Vulkan";

const BACKEND_NAMES: Readonly<Record<Backend, string | undefined>> = {
  vulkan: "Vulkan",
  opengl: "OpenGL",
  metal: "Metal",
  d3d12: "Direct3D 12",
  unknown: undefined,
};

/** Describes the adapter in one line: `llvmpipe (LLVM 15.0.6, 256 bits) (software, Vulkan)`. */
export function adapterLine({ name, software, backend }: Traits): string {
  const traits = [software ? "software" : undefined, BACKEND_NAMES[backend]]
    .filter((trait) => trait !== undefined);
  return traits.length === 0 ? name : `${name} (${traits.join(", ")})`;
}

/**
 * A warning if the machine may have a better adapter; undefined if not.
 *
 * @param devices Paths of the machine's graphics devices; see {@linkcode graphicsDevices}.
 */
export function adapterWarning(
  { software, backend }: Traits,
  devices: readonly string[],
): string | undefined {
  const opengl = backend === "opengl", gpu = opengl || software ? unusedGpu(devices) : undefined;
  const cost = software ? OPENGL_COST : "OpenGL, for which no kernel is tuned";
  if (opengl) return `warning: this is ${cost}; ${gpu ?? VULKAN_ADVICE}`;
  return gpu && `warning: ${gpu}`;
}

/** Devices of a GPU, and how to make Vulkan find it. */
const GPUS = [
  {
    path: /^\/dev\/nvidia\d+$/,
    name: "an NVIDIA GPU",
    cure: "install the Vulkan part of its driver, which brings nvidia_icd.json (Debian: " +
      "nvidia-vulkan-icd; Ubuntu: libnvidia-gl of your driver's version; in a container: start it " +
      "with NVIDIA_DRIVER_CAPABILITIES=all)",
  },
  {
    path: /^\/dev\/dri\/renderD\d+$/,
    name: "a graphics device",
    cure: "if it is a GPU, install its Vulkan driver (AMD and Intel on Debian and Ubuntu: " +
      "mesa-vulkan-drivers) and see that you may open it (group render)",
  },
] as const;

/** Reports a GPU that Vulkan does not offer, with the cure; undefined if there is none. */
export function unusedGpu(devices: readonly string[]): string | undefined {
  for (const { path, name, cure } of GPUS) {
    const device = devices.find((candidate) => path.test(candidate));
    if (device !== undefined) {
      return `there is ${name} (${device}) that Vulkan does not offer; ${cure}`;
    }
  }
  return undefined;
}

/** The graphics devices of a Linux machine; none without the permission to read `/dev`. */
export function graphicsDevices(): string[] {
  const folders = ["/dev", "/dev/dri"];
  const mayRead = (path: string) =>
    Deno.permissions.querySync({ name: "read", path }).state === "granted";
  if (Deno.build.os !== "linux" || !folders.every(mayRead)) return [];
  return folders.flatMap((folder) => namesIn(folder).map((name) => `${folder}/${name}`));
}
