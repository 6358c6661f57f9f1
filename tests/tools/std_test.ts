// std from npm has no types of its own: those in tools/std have to be right, and checked.

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

const FOLDER = new URL("../../tools/std/", import.meta.url);
const MODULES = ["assert", "bytes", "fmt/bytes", "path", "text"];

/** Uses that must not type-check; never called, as some of them would pass. */
export function wrong(): void {
  const value: unknown = 1;
  // @ts-expect-error -- nothing to compare with
  assertEquals(1);
  // @ts-expect-error -- two types that are never equal
  assertEquals(1, "1");
  // @ts-expect-error -- not numbers
  assertAlmostEquals("1", "1");
  // @ts-expect-error -- not a function
  assertThrows(1);
  // @ts-expect-error -- not a class of errors
  assertThrows(() => 1, Map);
  // @ts-expect-error -- the error is of the class that was named
  assertThrows(() => 1, TypeError) satisfies AggregateError;
  // @ts-expect-error -- a function that throws at once is for assertThrows()
  assertRejects(() => 1);
  // @ts-expect-error -- not a regular expression
  assertMatch("a", "a");
  // @ts-expect-error -- nothing to look for
  assertStringIncludes("a");
  // @ts-expect-error -- not yet known to be a text
  value.length;
  assert(typeof value === "string");
  value.length;
}

Deno.test("std has every function that tools/std has types for", async () => {
  for (const name of MODULES) {
    const types = Deno.readTextFileSync(new URL(`${name}.d.ts`, FOLDER));
    const declared = [...types.matchAll(/^export (?:function|const|class) (\w+)/gm)];
    assert(declared.length > 0, name);
    const module: Record<string, unknown> = await import(`@std/${name}`);
    for (const [, member] of declared) assert(member! in module, `@std/${name} has no ${member}`);
  }
});
