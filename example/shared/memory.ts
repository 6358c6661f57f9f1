/** How much memory the machine has. */

/** Taken where the machine's memory cannot be asked for: 8 GB. */
const USUAL = 8e9;

/** What the machine's memory is, if the program may know. */
function systemMemory(): Deno.SystemMemoryInfo | undefined {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? Deno.systemMemoryInfo() : undefined;
}

/**
 * A quarter of the machine's memory in bytes, of 8 GB where it may not be asked for, down to whole
 * gigabytes, so that machines of one kind agree.
 */
export function memoryShare(): number {
  const total = systemMemory()?.total ?? USUAL;
  return Math.max(1, Math.floor(total / 4 / 1e9)) * 1e9;
}

/**
 * Bytes that a device still has: of the machine for a software adapter, if the program may know; undefined for
 * a GPU, as WebGPU does not tell.
 */
export function freeMemory({ software }: { readonly software: boolean }): number | undefined {
  return software ? systemMemory()?.available : undefined;
}
