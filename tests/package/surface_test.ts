// What users can reach: the inside of tensors is not among it.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { ENTRIES } from "./entries.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
/** Where tensors lie, their copies in textures, and the updates that tables wait for. */
const INSIDE = /^(?:Storage|Texel\w*|PendingUpdates)$/;

/** Names and types in the documentation of `modules`, private members left out. */
async function documented(modules: readonly string[]): Promise<Set<string>> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...modules],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return new Set(namesIn(JSON.parse(decoder.decode(stdout))));
}

function* namesIn(node: unknown): Generator<string> {
  if (typeof node !== "object" || node === null) return;
  if ("accessibility" in node && node.accessibility === "private") return;
  for (const [key, value] of Object.entries(node)) {
    if (typeof value !== "string") yield* namesIn(value);
    else if (key === "name" || key === "typeName") yield value;
  }
}

Deno.test("no entry exports or mentions storage, texels or pending updates", async () => {
  const names = await documented(ENTRIES), isInside = (name: string) => INSIDE.test(name);
  assert(["Gpu", "Linear", "matmul", "Philox", "Launch"].every((name) => names.has(name)));
  assertEquals([...names].filter(isInside), []);
  const inside = await documented(["kernels/device/tensor.ts"]);
  assertEquals([...inside].filter(isInside).sort(), ["PendingUpdates", "Storage", "TexelCopy"]);
});
