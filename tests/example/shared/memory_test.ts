// The machine's memory: the share of it that a text may take, and what a device has left.

import { assertEquals } from "@std/assert";
import { freeMemory, memoryShare } from "../../../example/shared/memory.ts";

/** What `ask` gives on a machine of so many bytes, half of them free; undefined if it may not be asked. */
function on<T>(total: number | undefined, ask: () => T): T {
  const { systemMemoryInfo } = Deno, { querySync } = Deno.permissions;
  const state = total === undefined ? "prompt" : "granted";
  Object.assign(Deno.permissions, { querySync: () => ({ state }) });
  Object.assign(Deno, {
    systemMemoryInfo: () => {
      if (total === undefined) throw new Error("it would ask the user");
      return { total, available: total / 2 };
    },
  });
  try {
    return ask();
  } finally {
    Object.assign(Deno, { systemMemoryInfo });
    Object.assign(Deno.permissions, { querySync });
  }
}

Deno.test("memoryShare() is a quarter in whole gigabytes, of 8 where the machine may not be asked", () => {
  const gigabyte = 1e9, shareOf = (total?: number) => on(total, memoryShare);
  assertEquals(shareOf(64.1 * gigabyte), 16 * gigabyte);
  assertEquals(shareOf(63.9 * gigabyte), 15 * gigabyte);
  assertEquals(shareOf(0.5 * gigabyte), gigabyte);
  assertEquals(shareOf(undefined), 2 * gigabyte);
});

Deno.test("freeMemory() is what the machine has left for a software adapter, and unknown of a GPU", () => {
  const free = (software: boolean, total?: number) => on(total, () => freeMemory({ software }));
  assertEquals([free(true, 8e9), free(true), free(false, 8e9)], [4e9, undefined, undefined]);
});
