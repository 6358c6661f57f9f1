/** What the environment tells system libraries about the GPU, where the user has not said otherwise. */

/** Sets `variable` unless `valid` says that it is set; without the permission to, nothing happens. */
function setUnless(valid: (value: string) => boolean, variable: string, value: string): void {
  const permission = Deno.permissions.querySync({ name: "env", variable });
  if (permission.state !== "granted") return;
  if (!valid(Deno.env.get(variable) ?? "")) Deno.env.set(variable, value);
}

/**
 * Call before the first `requestAdapter()`. It leaves `DENO_WEBGPU_BACKEND` alone: without it Deno takes
 * hardware before software and Vulkan before OpenGL, and OpenGL only where there is nothing better.
 */
export function prepareDriver(): void {
  if (Deno.build.os !== "linux") return;
  // Deno's WebGPU looks for a Wayland display, and Wayland prints a line to standard error each time it
  // finds this unset; with any absolute path it looks there in silence.
  setUnless((path) => path.startsWith("/"), "XDG_RUNTIME_DIR", "/nonexistent");
  // Mesa's software driver waits for its slowest thread after every kernel: more threads than cores even
  // that out (bench/RESULTS.md).
  setUnless((count) => count !== "", "LP_NUM_THREADS", String(2 * navigator.hardwareConcurrency));
}
