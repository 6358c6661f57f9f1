/**
 * Sees to it that WebGPU finds an adapter. Run as a program it only looks, in a process of its own:
 * a driver installed after a process first looked is not found by that process.
 */

import { Failure } from "../example/errors.ts";
import { prepareDriver } from "./driver.ts";

const PACKAGES = ["libvulkan1", "mesa-vulkan-drivers"];
const ADVICE = "install a Vulkan driver for your GPU, or a software one " +
  `(Debian and Ubuntu: sudo apt-get install -y ${PACKAGES.join(" ")}; ` +
  "Fedora: sudo dnf install mesa-vulkan-drivers; Arch: sudo pacman -S vulkan-swrast)";

/** Whether this process finds a WebGPU adapter. */
export async function hasAdapter(): Promise<boolean> {
  prepareDriver();
  return await navigator.gpu.requestAdapter() !== null;
}

/**
 * Installs the Vulkan loader and Mesa's software driver, where that can be done.
 *
 * @throws {Failure} When it cannot be done, or there is still no adapter afterwards.
 */
export async function installAdapter(): Promise<void> {
  const cannot = whyNotInstall();
  if (cannot !== undefined) throw new Failure(`No WebGPU adapter: ${cannot}`);
  console.error(`No WebGPU adapter: installing ${PACKAGES.join(" and ")} with apt-get`);
  await aptGet("update");
  await aptGet("install", "-y", "--no-install-recommends", ...PACKAGES);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "--allow-env", import.meta.filename ?? ""],
  }).output();
  if (!success) {
    throw new Failure(`No WebGPU adapter, though ${PACKAGES.join(" and ")} are installed`);
  }
}

/** Why the driver is not installed from here, with what to do instead; undefined where it can be. */
function whyNotInstall(): string | undefined {
  if (Deno.build.os !== "linux") return "update the graphics driver, or use another machine";
  if (!isDebian() || Deno.uid() !== 0) return ADVICE;
  return undefined;
}

function isDebian(): boolean {
  try {
    const release = Deno.readTextFileSync("/etc/os-release");
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
  } catch {
    return false;
  }
}

async function aptGet(...args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("apt-get", {
    args: ["-q", ...args],
    env: { DEBIAN_FRONTEND: "noninteractive" },
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr) || new TextDecoder().decode(stdout);
  const reason = said.trim().split("\n").at(-1);
  throw new Failure(`No WebGPU adapter, and apt-get ${args[0]} failed: ${reason}; ${ADVICE}`);
}

if (import.meta.main) Deno.exit(await hasAdapter() ? 0 : 1);
