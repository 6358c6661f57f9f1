/** Default environment variables for the GPU's system libraries, unless the user has set them. */

/** Sets `variable` unless its value is `valid`. Does nothing without the permission to read it. */
function setUnless(valid: (value: string) => boolean, variable: string, value: string): void {
  const permission = Deno.permissions.querySync({ name: "env", variable });
  if (permission.state !== "granted") return;
  if (!valid(Deno.env.get(variable) ?? "")) Deno.env.set(variable, value);
}

/**
 * Call before the first `requestAdapter()`. `DENO_WEBGPU_BACKEND` is not set: by default Deno prefers
 * hardware to software and Vulkan to OpenGL, and uses OpenGL only as the last resort.
 */
export function prepareDriver(): void {
  if (Deno.build.os !== "linux") return;
  // Deno's WebGPU looks for a Wayland display. Wayland prints to standard error each time this is unset; with
  // any absolute path it is silent.
  setUnless((path) => path.startsWith("/"), "XDG_RUNTIME_DIR", "/nonexistent");
  // Mesa's software driver waits for its slowest thread after every kernel. More threads than cores balance
  // the load (bench/RESULTS.md).
  setUnless((count) => count !== "", "LP_NUM_THREADS", String(2 * navigator.hardwareConcurrency));
}
