/** How much memory the machine has. */

/** Taken where the machine's memory cannot be asked for: 8 GB. */
const USUAL = 8e9;

/**
 * A quarter of the machine's memory in bytes, of 8 GB where it may not be asked for, down to whole
 * gigabytes, so that machines of one kind agree.
 */
export function memoryShare(): number {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  const total = state === "granted" ? Deno.systemMemoryInfo().total : USUAL;
  return Math.max(1, Math.floor(total / 4 / 1e9)) * 1e9;
}
