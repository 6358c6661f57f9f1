// Windows of lines: full ones, what there is when the input pauses, and what comes before an error.

import { assertEquals } from "@std/assert";
import { windowsOf } from "../../../example/data/windows.ts";

/** Chunks that come as fast as they are asked for; a promise is waited for, an error thrown. */
async function* inputOf(
  ...chunks: (readonly string[] | Promise<void> | Error)[]
): AsyncGenerator<readonly string[]> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    if (chunk instanceof Promise) await chunk;
    else yield chunk;
  }
}

Deno.test("windowsOf() gathers small chunks and cuts large ones, and loses no line", async () => {
  const lines = Array.from({ length: 9 }, (_, i) => `${i}`.repeat(9));
  for (
    const chunks of [lines.map((line) => [line]), [lines], [lines.slice(0, 1), lines.slice(1)]]
  ) {
    const windows = await Array.fromAsync(windowsOf(inputOf(...chunks), 40));
    assertEquals(windows, [lines.slice(0, 4), lines.slice(4, 8), lines.slice(8)]);
  }
  const [long] = await Array.fromAsync(windowsOf(inputOf(["x".repeat(99), ""]), 40));
  assertEquals(long, ["x".repeat(99)]);
  assertEquals(await Array.fromAsync(windowsOf(inputOf(["", ""]))), [["", ""]]);
  assertEquals(await Array.fromAsync(windowsOf(inputOf())), []);
});

Deno.test("windowsOf() gives what there is when the input pauses until it was used", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const windows: (readonly string[])[] = [];
  for await (const window of windowsOf(inputOf(["a"], ["b"], promise, ["c"]))) {
    windows.push(window);
    resolve(); // whoever writes c has seen the results of a and b
  }
  assertEquals(windows, [["a", "b"], ["c"]]);
});

Deno.test("windowsOf() gives the lines before an error, and then the error", async () => {
  const windows: (readonly string[])[] = [], failure = new Error("line 3 is not UTF-8");
  const error: unknown = await (async () => {
    for await (const window of windowsOf(inputOf(["a", "b"], failure))) windows.push(window);
  })().catch((error: unknown) => error);
  assertEquals([windows, error], [[["a", "b"]], failure]);
});
