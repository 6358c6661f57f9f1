/** Keeps a system library from printing errors about a display that nobody asked for. */

const VARIABLE = "XDG_RUNTIME_DIR";

/**
 * Call before the first `requestAdapter()`. Deno's WebGPU looks for a Wayland display, and Wayland
 * prints a line to standard error each time it finds XDG_RUNTIME_DIR unset; with any absolute path
 * it looks there in silence. Without the permission to set it, nothing happens.
 */
export function silenceDisplaySearch(): void {
  if (Deno.build.os !== "linux") return;
  const permission = Deno.permissions.querySync({ name: "env", variable: VARIABLE });
  if (permission.state !== "granted") return;
  if (!Deno.env.get(VARIABLE)?.startsWith("/")) Deno.env.set(VARIABLE, "/nonexistent");
}
