/**
 * Ensures that WebGPU finds a good adapter. Run as a program, it only searches and prints the result. This
 * takes a separate process, since a process searches for drivers only once, with one set of backends.
 */

import {
  graphicsDevices,
  OPENGL_COST,
  type Traits,
  unusedGpu,
  VULKAN_ADVICE,
} from "../example/shared/adapter.ts";
import { Failure } from "../example/shared/errors.ts";
import { describeAdapter, requestAdapter } from "../kernels/device/adapter.ts";
import { prepareDriver } from "../example/shared/driver.ts";

const PACKAGES = ["libvulkan1", "mesa-vulkan-drivers"];
const BACKEND = "DENO_WEBGPU_BACKEND";
/** Environment variables that hide drivers from Vulkan's loader. */
const DRIVER_LISTS = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES"];

/**
 * If Vulkan has no adapter, installs Vulkan and Mesa's software driver where possible; otherwise warns that
 * OpenGL is used instead.
 *
 * @throws {Failure} If there is no adapter at all.
 */
export async function setUpAdapter(): Promise<void> {
  if (Deno.build.os !== "linux") {
    if (await probe() !== undefined) return;
    throw new Failure("No WebGPU adapter: update the graphics driver, or use another machine");
  }
  const choice = Deno.env.get(BACKEND) ?? "vulkan", found = await probe(choice);
  if (found?.backend === "opengl") {
    console.error(`warning: ${BACKEND}=${choice} takes ${OPENGL_COST}; unset it`);
  }
  if (found !== undefined) return;
  if (!/vulkan/i.test(choice)) {
    throw new Failure(`No WebGPU adapter: ${BACKEND}=${choice} finds none; unset it`);
  }
  const trouble = await installVulkan() ?? (await probe(choice) ? undefined : stillNone());
  if (trouble === undefined) return;
  const gpu = unusedGpu(graphicsDevices()), why = gpu ? `${trouble}; ${gpu}` : trouble;
  if (await probe() === undefined) throw new Failure(`No WebGPU adapter: ${why}`);
  console.error(`warning: no Vulkan adapter: ${why}; going on with ${OPENGL_COST}`);
}

/** The adapter that a process finds with these backends, or with those of the environment. */
async function probe(backends?: string): Promise<Traits | undefined> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "--allow-env", import.meta.filename ?? ""],
    env: backends === undefined ? {} : { [BACKEND]: backends },
    stderr: "inherit",
  }).output();
  return success ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
}

/** Installs the packages; returns the reason if that fails. */
async function installVulkan(): Promise<string | undefined> {
  if (!isDebian() || Deno.uid() !== 0) return VULKAN_ADVICE;
  if (await areInstalled()) return stillNone();
  console.error(`No Vulkan adapter: installing ${PACKAGES.join(" and ")} with apt-get`);
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...PACKAGES]]) {
    const { success, said } = await call("apt-get", ["-q", ...args]);
    const reason = said.split("\n").at(-1);
    if (!success) return `apt-get ${args[0]} failed: ${reason}; ${VULKAN_ADVICE}`;
  }
  return undefined;
}

function stillNone(): string {
  const set = DRIVER_LISTS.find((variable) => Deno.env.get(variable) !== undefined);
  const why = set === undefined ? "" : ` (${set}=${Deno.env.get(set)} names its drivers: unset it)`;
  return `there is none though ${PACKAGES.join(" and ")} are installed${why}`;
}

/** Whether this is Debian, Ubuntu or a derivative. */
export function isDebian(): boolean {
  try {
    const release = Deno.readTextFileSync("/etc/os-release");
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
  } catch {
    return false;
  }
}

async function areInstalled(): Promise<boolean> {
  const { success, said } = await call("dpkg-query", ["-W", "-f=${Status}\\n", ...PACKAGES]);
  return success && said.split("\n").every((status) => status === "install ok installed");
}

/** Runs a Debian command; `said` is its error output, or its output if there are no errors. */
async function call(name: string, args: string[]): Promise<{ success: boolean; said: string }> {
  const { success, stdout, stderr } = await new Deno.Command(name, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
  }).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  return { success, said: errors || out || "" };
}

if (import.meta.main) {
  prepareDriver();
  const adapter = await requestAdapter();
  if (adapter === null) Deno.exit(1);
  const traits = describeAdapter(adapter);
  // OpenGL may be too old for a device.
  if (traits.backend === "opengl") await adapter.requestDevice().catch(() => Deno.exit(1));
  console.log(JSON.stringify(traits));
  Deno.exit(0);
}
