/** How much memory there is. */

/**
 * Bytes that a device still has: of the machine for a software adapter, if the program may know; undefined for
 * a GPU, as WebGPU does not tell.
 */
export function freeMemory({ software }: { readonly software: boolean }): number | undefined {
  if (!software) return undefined;
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? Deno.systemMemoryInfo().available : undefined;
}
