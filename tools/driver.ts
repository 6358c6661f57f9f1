/** What the environment tells system libraries about the GPU, where the user has not said otherwise. */

/** How Mesa's software driver introduces itself to Vulkan's loader. */
const MANIFEST = `/usr/share/vulkan/icd.d/lvp_icd.${Deno.build.arch}.json`;
/** The Vulkan headers of Mesa 22.3. With Mesa 25 and vectors of 512 bits, half of the lanes load no texels. */
const NEWEST_WIDE_HEADERS = 230;

function granted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** Sets `variable` unless `valid` says that it is set; without the permission to, nothing happens. */
function setUnless(valid: (value: string) => boolean, variable: string, value: string): void {
  if (!granted({ name: "env", variable })) return;
  if (!valid(Deno.env.get(variable) ?? "")) Deno.env.set(variable, value);
}

const isSet = (value: string) => value !== "";

/** Whether the user names a driver that is not the installed one. */
function namesDriver(): boolean {
  return ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].some((variable) =>
    granted({ name: "env", variable }) && isSet(Deno.env.get(variable) ?? "")
  );
}

/** The text of a file; empty without the permission or the file. */
function textOf(path: string): string {
  if (!granted({ name: "read", path })) return "";
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** Whether CPU and driver both do well with vectors of 512 bits. */
function likesWideVectors(): boolean {
  const headers = /"api_version": *"\d+\.\d+\.(\d+)"/.exec(textOf(MANIFEST))?.[1];
  return !namesDriver() && Number(headers ?? Infinity) <= NEWEST_WIDE_HEADERS &&
    /\bavx512f\b/.test(textOf("/proc/cpuinfo"));
}

/** Call before the first `requestAdapter()`. */
export function prepareDriver(): void {
  if (Deno.build.os !== "linux") return;
  // Deno's WebGPU looks for a Wayland display, and Wayland prints a line to standard error each time it
  // finds this unset; with any absolute path it looks there in silence.
  setUnless((path) => path.startsWith("/"), "XDG_RUNTIME_DIR", "/nonexistent");
  // Mesa's software driver waits for its slowest thread after every kernel: more threads than cores even
  // that out. Its vectors have 256 bits unless asked (bench/RESULTS.md has the figures of both).
  setUnless(isSet, "LP_NUM_THREADS", String(2 * navigator.hardwareConcurrency));
  if (likesWideVectors()) setUnless(isSet, "LP_NATIVE_VECTOR_WIDTH", "512");
}
