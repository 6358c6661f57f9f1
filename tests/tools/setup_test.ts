/** Set-up: reading npm's tarball, and picking Cliffy out of it. */

import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { Failure } from "../../example/shared/errors.ts";
import { checkIntegrity, collectCliffy, COPY_VERSION } from "../../tools/cliffy_copy.ts";
import { replaceFolder, sourceOf } from "../../tools/cliffy_folder.ts";
import { readTgz } from "../../tools/tar.ts";
import { deno } from "../support/process.ts";

const ROOT = `${import.meta.dirname}/../..`;
const BLOCK = 512;

/** One entry of a tar archive; the checksum is left out, as nobody checks it. */
function tarEntry(name: string, text: string, { type = "0", prefix = "" } = {}): Uint8Array {
  const data = new TextEncoder().encode(text);
  const entry = new Uint8Array(BLOCK + Math.ceil(data.length / BLOCK) * BLOCK);
  const put = (value: string, at: number) => entry.set(new TextEncoder().encode(value), at);
  put(name, 0);
  put("0000644\0", 100);
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
  const long = `package/${"deep/".repeat(40)}é.js`, full = "f".repeat(100);
  const record = `path=${long}\n`;
  const size = new TextEncoder().encode(record).length + 4;
  const archive = await tgz(
    tarEntry("package", "", { type: "5" }),
    tarEntry("a.js", "one", { prefix: "package/x" }),
    tarEntry("header", `${size} ${record}`, { type: "x" }),
    tarEntry("cut short", "y".repeat(BLOCK)),
    tarEntry("package/empty.js", ""),
    tarEntry(full, "fills its field"),
    tarEntry("package/last.js", "z".repeat(BLOCK + 1), { type: "\0" }),
  );
  assertEquals(texts(await readTgz(archive)), {
    "package/x/a.js": "one",
    [long]: "y".repeat(BLOCK),
    "package/empty.js": "",
    [full]: "fills its field",
    "package/last.js": "z".repeat(BLOCK + 1),
  });
});

Deno.test("readTgz() rejects when the bytes are not an archive", async () => {
  await assertRejects(() => readTgz(new Uint8Array([1, 2, 3])), TypeError);
});

const ENTRY = `package/deps/fork/cliffy-command/${COPY_VERSION}/mod.js`;

Deno.test("collectCliffy() takes the entry, what it imports and its own shim", () => {
  const entry = '/**\n * import { X } from "./example.js";\n */\n' +
    'export {\n  A,\n  B,\n} from "./a.js";\nimport "../../side.js";\n';
  const collected = texts(collectCliffy(files({
    [ENTRY]: entry,
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
  assertEquals(collected[ENTRY], entry);
  assertEquals(
    collected["mod.js"],
    `export * from "./${ENTRY}";\nexport const VERSION = "${COPY_VERSION} (npm copy)";\n`,
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

/** What `fetchCopy()` says with a program in npm's place, or with none; its folder must be empty afterwards. */
async function fetchBy(npm?: string): Promise<string> {
  const folder = await Deno.makeTempDir(), bin = `${folder}/bin`, parent = `${folder}/deps/new`;
  const code = `import { fetchCopy } from "./tools/cliffy_copy.ts";
    await fetchCopy(${JSON.stringify(parent)}).catch(({ message }) => console.log(message));`;
  try {
    Deno.mkdirSync(bin);
    if (npm) Deno.writeTextFileSync(`${bin}/npm`, `#!/bin/sh\n${npm}\n`, { mode: 0o755 });
    const { out, err } = await deno(["eval", code], ROOT, { PATH: bin });
    assertEquals([err, ...Deno.readDirSync(parent)], [""]);
    return out.trimEnd();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "fetchCopy() refuses other bytes than the known ones, and says why npm failed",
  ignore: Deno.build.os === "windows",
  async fn() {
    const packs =
      'test "$1" = pack && echo other >"${3#--pack-destination=}/windmill-cli-1.596.0.tgz"';
    assertMatch(
      await fetchBy(packs),
      /^windmill-cli@\S+ is not the known tarball: its integrity is/,
    );
    const fails = "printf '\\nnpm error code ENOTFOUND\\nnpm error more\\n' >&2; exit 1";
    assertMatch(
      await fetchBy(fails),
      /^npm pack windmill-cli@\S+ failed: npm error code ENOTFOUND$/,
    );
    assertEquals(await fetchBy(), "there is no npm");
  },
});

Deno.test("sourceOf() is undefined when a file of the folder is missing, changed or strange", async () => {
  const parent = await Deno.makeTempDir();
  const folder = `${parent}/cliffy`, deep = `${folder}/package/deep.js`;
  const whole = files({ "package/deep.js": "1", "mod.js": 'export * from "./package/deep.js";' });
  const damages: Record<string, () => void> = {
    "no mod.js": () => Deno.removeSync(`${folder}/mod.js`),
    "no file below": () => Deno.removeSync(deep),
    "a byte more": () => Deno.writeTextFileSync(deep, " ", { append: true }),
    "an empty file": () => Deno.truncateSync(deep),
    "a renamed file": () => Deno.renameSync(deep, `${deep}.js`),
    "a file too many": () => Deno.writeTextFileSync(`${folder}/new.js`, ""),
    "no stamp": () => Deno.removeSync(`${folder}/stamp`),
    "a stamp of another source": () => Deno.writeTextFileSync(`${folder}/stamp`, "other\nx\n"),
    "no folder": () => Deno.removeSync(folder, { recursive: true }),
  };
  try {
    for (const [name, damage] of Object.entries(damages)) {
      await replaceFolder(folder, "a source", whole);
      assertEquals(await sourceOf(folder), "a source", name);
      damage();
      assertEquals(await sourceOf(folder), undefined, name);
    }
    await replaceFolder(folder, "a source", whole);
    await replaceFolder(folder, "another", files({ "mod.js": "" }));
    assertEquals(await sourceOf(folder), "another");
    assertEquals([...Deno.readDirSync(parent)].map(({ name }) => name), ["cliffy"]);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["mod.js", "stamp"]);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("replaceFolder() fails and leaves the old folder when a file cannot be written, unless it is the same", async () => {
  const parent = await Deno.makeTempDir(), folder = `${parent}/cliffy`;
  try {
    await replaceFolder(folder, "old", files({ "mod.js": "" }));
    // A file cannot lie in a file.
    const impossible = files({ "a": "", "a/b": "" });
    await assertRejects(() => replaceFolder(folder, "new", impossible));
    await replaceFolder(folder, "old", impossible); // another set-up has made it
    assertEquals(await sourceOf(folder), "old");
    assertEquals([...Deno.readDirSync(parent)].map(({ name }) => name), ["cliffy"]);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});
