// The share of the machine's memory that a text may take.

import { assertEquals } from "@std/assert";
import { memoryShare } from "../../../example/shared/memory.ts";

/** What memoryShare() gives on a machine of so many bytes; undefined if it may not be asked. */
function shareOf(total: number | undefined): number {
  const { systemMemoryInfo } = Deno, { querySync } = Deno.permissions;
  const state = total === undefined ? "prompt" : "granted";
  Object.assign(Deno.permissions, { querySync: () => ({ state }) });
  Object.assign(Deno, {
    systemMemoryInfo: () => {
      if (total === undefined) throw new Error("it would ask the user");
      return { total };
    },
  });
  try {
    return memoryShare();
  } finally {
    Object.assign(Deno, { systemMemoryInfo });
    Object.assign(Deno.permissions, { querySync });
  }
}

Deno.test("memoryShare() is a quarter in whole gigabytes, of 8 where the machine may not be asked", () => {
  const gigabyte = 1e9;
  assertEquals(shareOf(64.1 * gigabyte), 16 * gigabyte);
  assertEquals(shareOf(63.9 * gigabyte), 15 * gigabyte);
  assertEquals(shareOf(0.5 * gigabyte), gigabyte);
  assertEquals(shareOf(undefined), 2 * gigabyte);
});
