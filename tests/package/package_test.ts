// The package that is published: kernels as modules, whole, typed, and importable by URL.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import config from "../../deno.json" with { type: "json" };
import { uniformFields } from "../../kernels/device/pipelines.ts";
import * as library from "../../mod.ts";
import { pack, packageFiles, stripWgsl } from "../../tools/pack.ts";
import { wgslFiles } from "../support/kernel_files.ts";
import { serveFiles } from "./server.ts";
import { trainAll } from "./train.ts";
import { wgslTokens } from "./wgsl_tokens.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** Runs Deno and gives what it printed. */
async function deno(args: string[], options: Deno.CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, ...options })
    .output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

async function withFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("every kernel is packed with its tokens and fields, and without comments", async () => {
  const files = packageFiles();
  const kernels = wgslFiles();
  const modules = kernels.map(({ path }) => join("kernels", `${path}.ts`));
  assertEquals(
    [...files.keys()].filter((path) => path.endsWith(".wgsl.ts")).sort(),
    modules.sort(),
  );
  for (const { path: name, source } of kernels) {
    const module = files.get(join("kernels", `${name}.ts`))!;
    const { default: packed } = await import(`data:text/javascript,${encodeURIComponent(module)}`);
    assertEquals(wgslTokens(packed), wgslTokens(source), name);
    assertEquals(uniformFields(packed), uniformFields(source), name);
    assert(!/\/\/|\/\*|\n\s*\n/.test(packed), `${name} has a comment or an empty line`);
    assert(packed === "" || packed.endsWith("\n"), `${name} cannot be joined to another kernel`);
  }
});

Deno.test("stripWgsl() keeps tokens apart and code in its lines", () => {
  assertEquals(
    stripWgsl("// a\n\nlet a = b / c; // d\n  a/**/b /* e\n f */ c\n"),
    "let a = b / c;\n  a b   c\n",
  );
});

Deno.test("the package imports nothing but its own modules", () => {
  const files = packageFiles();
  let imports = 0;
  for (const [path, text] of files) {
    if (!path.endsWith(".ts")) continue;
    for (const [, name] of text.matchAll(/^(?:import|export)\b[^;]*? from "([^"]+)"(.*);$/gm)) {
      const target = join(path, "..", name!);
      imports++;
      assert(files.has(target), `${path} imports ${name}, which is not packed`);
    }
    assert(!/\bwith \{ type/.test(text), `${path} imports other data than modules`);
  }
  assert(imports > files.size, `only ${imports} imports were seen`);
});

Deno.test("the package has types and documentation, and its folder is the only one published", () =>
  withFolder(async (folder) => {
    const target = join(folder, "package");
    pack(target);
    Deno.writeTextFileSync(join(target, "stale.ts"), "");
    pack(target);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["package"]);
    assert(![...Deno.readDirSync(target)].some(({ name }) => name === "stale.ts"));
    const settings = JSON.parse(Deno.readTextFileSync(join(target, "deno.json")));
    assertEquals([settings.name, settings.version], [config.name, config.version]);
    await deno(["check", "--quiet", "mod.ts"], { cwd: target });
    await deno(["doc", "--lint", "mod.ts"], { cwd: target });
  }));

Deno.test("the package imported by URL trains to the same bits as the sources", () =>
  withFolder(async (folder) => {
    const files = packageFiles();
    files.set("train.ts", Deno.readTextFileSync(join(ROOT, "tests", "package", "train.ts")));
    await using server = serveFiles(files);
    const program = join(folder, "program.ts");
    Deno.writeTextFileSync(
      program,
      `import * as library from "${server.url}/mod.ts";
      import { trainAll } from "${server.url}/train.ts";
      console.log(JSON.stringify(await trainAll(library)));`,
    );
    const args = ["run", "--quiet", "--no-config", `--allow-import=${new URL(server.url).host}`];
    const printed = await deno([...args, program], { env: { DENO_DIR: join(folder, "cache") } });
    const expected = await trainAll(library);
    assert(Object.keys(expected).length === 40 && Object.values(expected).every(Number.isFinite));
    assertEquals(JSON.parse(printed), expected);
  }));

Deno.test("the folder of sources refuses to be published", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: ROOT,
  }).output();
  assert(!success);
  assertStringIncludes(new TextDecoder().decode(stderr), "'publish' field is false");
});
