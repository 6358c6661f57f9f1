// What MPI can count, in 32 bits with a sign.

import { assertEquals, assertThrows } from "@std/assert";
import { sendableBytes } from "../../../example/distributed/bytes.ts";
import { Failure } from "../../../example/shared/errors.ts";

Deno.test("sendableBytes() sums bytes below 2 GiB, and refuses more", () => {
  assertEquals(sendableBytes([2 ** 30, 2 ** 30 - 1]), 2 ** 31 - 1);
  for (const counts of [[2 ** 30, 2 ** 30], [2 ** 32 + 4]]) {
    assertThrows(() => sendableBytes(counts), Failure, "--batch-size");
  }
});
