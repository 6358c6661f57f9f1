/** How long a thread may loop. */

import type { Device } from "./device.ts";

/** Rounds of all loops of a thread together on a software adapter: llvmpipe silently ends them after 65,535. */
export const MAX_ROUNDS = 60_000;

/** Throws a RangeError if a thread needs more `rounds` for so many of `what` than the device runs. */
export function expectRounds(
  op: string,
  { family, name }: Device,
  what: string,
  count: number,
  rounds: number,
): void {
  if (family === "hardware" || rounds <= MAX_ROUNDS) return;
  throw new RangeError(
    `Cannot run ${op}: ${count} ${what} are too many for the kernels for ${name}`,
  );
}
