/** Set-up: reading npm's tarball, picking Cliffy out of it, and the closing line of a test run. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Failure } from "../example/errors.ts";
import { checkIntegrity, collectCliffy, COPY_VERSION, hasCopy } from "../tools/cliffy_copy.ts";
import { readSummary } from "../tools/run_tests.ts";
import { readTgz } from "../tools/tar.ts";

const BLOCK = 512;

/** One entry of a tar archive; the checksum is left out, as nobody checks it. */
function tarEntry(name: string, text: string, { type = "0", prefix = "" } = {}): Uint8Array {
  const data = new TextEncoder().encode(text);
  const entry = new Uint8Array(BLOCK + Math.ceil(data.length / BLOCK) * BLOCK);
  const put = (value: string, at: number) => entry.set(new TextEncoder().encode(value), at);
  put(name, 0);
  put(data.length.toString(8).padStart(11, "0") + "\0", 124);
  put(type, 156);
  put("ustar\0" + "00", 257);
  put(prefix, 345);
  entry.set(data, BLOCK);
  return entry;
}

async function tgz(...entries: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const end = new Uint8Array(2 * BLOCK);
  const parts = [...entries, end].map((entry) => new Uint8Array(entry));
  const zipped = new Blob(parts).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(zipped).arrayBuffer());
}

function texts(files: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  const decoder = new TextDecoder();
  return Object.fromEntries([...files].map(([path, bytes]) => [path, decoder.decode(bytes)]));
}

function files(record: Record<string, string>): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  return new Map(Object.entries(record).map(([path, text]) => [path, encoder.encode(text)]));
}

Deno.test("readTgz() gives every file by its full path when names are long", async () => {
  const long = `package/${"deep/".repeat(40)}é.js`;
  const record = `path=${long}\n`;
  const size = new TextEncoder().encode(record).length + 4;
  const archive = await tgz(
    tarEntry("package", "", { type: "5" }),
    tarEntry("a.js", "one", { prefix: "package/x" }),
    tarEntry("header", `${size} ${record}`, { type: "x" }),
    tarEntry("cut short", "y".repeat(BLOCK)),
    tarEntry("package/empty.js", ""),
    tarEntry("package/last.js", "z".repeat(BLOCK + 1), { type: "\0" }),
  );
  assertEquals(texts(await readTgz(archive)), {
    "package/x/a.js": "one",
    [long]: "y".repeat(BLOCK),
    "package/empty.js": "",
    "package/last.js": "z".repeat(BLOCK + 1),
  });
});

Deno.test("readTgz() rejects when the bytes are not an archive", async () => {
  await assertRejects(() => readTgz(new Uint8Array([1, 2, 3])), TypeError);
});

const ENTRY = `package/deps/fork/cliffy-command/${COPY_VERSION}/mod.js`;

Deno.test("collectCliffy() takes the entry, what it imports and its own shim", () => {
  const collected = texts(collectCliffy(files({
    [ENTRY]: '/**\n * import { X } from "./example.js";\n */\n' +
      'export {\n  A,\n  B,\n} from "./a.js";\nimport "../../side.js";\n',
    [ENTRY.replace("mod.js", "a.js")]: 'import * as shim from "../../../../_dnt.shims.js";\n' +
      'import { readFileSync } from "node:fs";\nexport const text = "from ./no.js";\n' +
      'export { A } from "./mod.js";\n',
    "package/deps/fork/side.js": "",
    "package/_dnt.shims.js": 'export { Deno } from "@deno/shim-deno";\n',
    "package/main.js": 'import "./deps/other.js";\n',
  })));
  assertEquals(Object.keys(collected).sort(), [
    "mod.js",
    "package/_dnt.shims.js",
    ENTRY.replace("mod.js", "a.js"),
    ENTRY,
    "package/deps/fork/side.js",
  ]);
  assertEquals(
    collected["mod.js"],
    `export * from "./${ENTRY}";\nexport const VERSION = "${COPY_VERSION}";\n`,
  );
  assertEquals(collected["package/_dnt.shims.js"]?.includes("globalThis.Deno"), true);
  assertEquals(collected["package/_dnt.shims.js"]?.includes("shim-deno"), false);
});

Deno.test("collectCliffy() throws when the entry or an import is missing", () => {
  assertThrows(() => collectCliffy(files({ "package/main.js": "" })), Failure, "has no");
  assertThrows(
    () => collectCliffy(files({ [ENTRY]: 'export * from "./gone.js";\n' })),
    Failure,
    "gone.js",
  );
});

Deno.test("checkIntegrity() rejects when a byte differs", async () => {
  const empty = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwv" +
    "Y7kxvUdBeoGlODJ6+SfaPg==";
  await checkIntegrity(new Uint8Array(), empty);
  await assertRejects(
    () => checkIntegrity(new Uint8Array([0]), empty),
    Failure,
    "is not the known tarball",
  );
});

Deno.test("hasCopy() is false when the folder is missing or its copy is another one", async () => {
  const folder = await Deno.makeTempDir();
  try {
    assertEquals(hasCopy(`${folder}/none`), false);
    await Deno.writeTextFile(`${folder}/integrity`, "sha512-other");
    assertEquals(hasCopy(folder), false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("adapter.ts finds an adapter and prints nothing when no display is set", async () => {
  const adapter = new URL("../tools/adapter.ts", import.meta.url).href;
  const { XDG_RUNTIME_DIR: _, ...env } = Deno.env.toObject();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-env", adapter],
    clearEnv: true,
    env,
  }).output();
  const said = new TextDecoder().decode(new Uint8Array([...stdout, ...stderr]));
  assertEquals({ code, said }, { code: 0, said: "" });
});

Deno.test("readSummary() reads the counts when the line is Deno's closing line", () => {
  assertEquals(readSummary("ok | 12 passed | 0 failed (3s)"), { passed: 12, failed: 0 });
  assertEquals(
    readSummary("\x1b[31mFAILED\x1b[0m | 1 passed (2 steps) | 3 failed (1 step) | 1 ignored (1ms)"),
    { passed: 1, failed: 3 },
  );
  assertEquals(readSummary("a ... ok (1ms)"), undefined);
  assertEquals(readSummary("it said ok | 12 passed | 0 failed"), undefined);
});
