// The package that is published: kernels as modules, whole, typed, and importable by URL.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import config from "../../deno.json" with { type: "json" };
import { uniformFields } from "../../kernels/device/pipelines.ts";
import { pack, packageFiles, stripWgsl } from "../../tools/pack.ts";
import { filesAt } from "../../tools/files.ts";
import { packForNpm } from "../../tools/pack_npm.ts";
import { wgslFiles } from "../support/kernel_files.ts";
import * as library from "../support/library.ts";
import { ENTRIES, exportAll } from "./entries.ts";
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

/** The example in the documentation of a module of the package. */
function exampleOf(source: string): string {
  const block = /\* ```ts ignore\n([^]*?) \* ```\n[^]*? @module/.exec(source)?.[1];
  assert(block !== undefined, "the module has no example");
  return block.replaceAll(/^ \* ?/gm, "");
}

/** Writes the example of every entry beside the package in `target`; the paths. */
function writeExamples(target: string): string[] {
  return ENTRIES.map((path, i) => {
    const example = `example${i}.ts`;
    Deno.writeTextFileSync(
      join(target, example),
      exampleOf(Deno.readTextFileSync(join(target, path))),
    );
    return example;
  });
}

/** Writes every program of README.md and docs/ beside the package in `target`; the paths. */
function writePrograms(target: string): string[] {
  const docs = [...Deno.readDirSync(join(ROOT, "docs"))].map(({ name }) => `docs/${name}`);
  return ["README.md", ...docs.filter((name) => name.endsWith(".md"))].flatMap((path) => {
    const text = Deno.readTextFileSync(join(ROOT, path));
    // Other blocks are definitions, whose types `ok` checks.
    return [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].flatMap(([, block]) => {
      if (!block!.includes("Gpu.create(")) return [];
      const program = `${path.replace("/", "-")}.ts`;
      Deno.writeTextFileSync(join(target, program), block!);
      return [program];
    });
  });
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

Deno.test("the package has types, by which all examples and programs are checked, and documentation; its folder is the only one published", () =>
  withFolder(async (folder) => {
    const target = join(folder, "package");
    pack(target);
    Deno.writeTextFileSync(join(target, "stale.ts"), "");
    pack(target);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["package"]);
    assert(![...Deno.readDirSync(target)].some(({ name }) => name === "stale.ts"));
    const settings = JSON.parse(Deno.readTextFileSync(join(target, "deno.json")));
    const { name, version, exports } = config;
    assertEquals([settings.name, settings.version, settings.exports], [name, version, exports]);
    const users = [...writeExamples(target), ...writePrograms(target)];
    await Promise.all([
      deno(["check", "--quiet", ...ENTRIES, ...users], { cwd: target }),
      deno(["doc", "--lint", ...ENTRIES], { cwd: target }),
    ]);
  }));

Deno.test("the package imported by URL trains to the same bits as the sources", () =>
  withFolder(async (folder) => {
    const files = packageFiles();
    files.set("library.ts", exportAll(ENTRIES));
    files.set("train.ts", Deno.readTextFileSync(join(ROOT, "tests", "package", "train.ts")));
    await using server = serveFiles(files);
    const program = join(folder, "program.ts");
    Deno.writeTextFileSync(
      program,
      `import * as library from "${server.url}/library.ts";
      import { trainAll } from "${server.url}/train.ts";
      console.log(JSON.stringify(await trainAll(library)));`,
    );
    const args = ["run", "--quiet", "--no-config", `--allow-import=${new URL(server.url).host}`];
    const [printed, expected] = await Promise.all([
      deno([...args, program], { env: { DENO_DIR: join(folder, "cache") } }),
      trainAll(library),
    ]);
    assert(Object.keys(expected).length === 40 && Object.values(expected).every(Number.isFinite));
    assertEquals(JSON.parse(printed), expected);
  }));

Deno.test("the example of every entry runs by the names that users import", () =>
  withFolder(async (folder) => {
    const target = join(folder, "package"), names = Object.keys(config.exports);
    pack(target);
    const run = (example: string) =>
      deno(["run", "--no-check", "--quiet", example], { cwd: target });
    const outputs = await Promise.all(writeExamples(target).map(run));
    const printed = Object.fromEntries(names.map((name, i) => [name, outputs[i]!]));
    const { ".": loss, "./nn": training, ...rest } = printed;
    assertMatch(loss!, /^Float32Array\(1\) \[ \d+\.\d+ \]\n$/);
    const [parameters, ...losses] = training!.trim().split("\n");
    assertEquals(parameters, '[ "linear.weight", "linear.bias", "gate" ]');
    const values = losses.map((line) => Number(/\[ ([\d.e-]+) \]/.exec(line)?.[1]));
    assert(values.length === 10 && values[9]! < values[0]! / 2, `the losses are ${values}`);
    assertMatch(rest["./random"]!, /^[1-6]\nFloat32Array\(8\) \[\s+(?:[02],?\s+){8}\]\n$/);
    assertEquals(rest["./ops"], "Float32Array(3) [ 4, 5, 6 ]\n");
    assertEquals(rest["./kernels"], "Float32Array(3) [ 2, 4, 6 ]\n");
  }));

Deno.test("every program in README.md and docs/ runs by the names that users import, and learns", () =>
  withFolder(async (folder) => {
    const target = join(folder, "package");
    pack(target);
    const programs = writePrograms(target);
    assertEquals(programs.sort(), [
      ...["README.md.ts", "docs-distributed.md.ts", "docs-kernels.md.ts", "docs-nce.md.ts"],
    ]);
    await Promise.all(programs.map(async (program) => {
      const files = program === "docs-nce.md.ts" ? ["--allow-read=.", "--allow-write=."] : [];
      const printed = await deno(["run", "--quiet", ...files, program], { cwd: target });
      const losses = [...printed.matchAll(/\[ ([\d.e-]+) \]/g)].map(([, loss]) => Number(loss));
      assert(losses.length > 1 && losses.at(-1)! < 0.9 * losses[0]!, `${program}: ${printed}`);
    }));
  }));

Deno.test("npm's package has the same entries, typed, and runs README's program from node_modules", () =>
  withFolder(async (folder) => {
    const source = join(folder, "package"), target = join(folder, "node_modules", "@nce", "nce");
    pack(source);
    Deno.mkdirSync(target, { recursive: true });
    packForNpm(source, target);
    const settings = JSON.parse(Deno.readTextFileSync(join(target, "package.json")));
    assertEquals(Object.keys(settings.exports), Object.keys(config.exports));
    const files = filesAt(target), has = (path: string) => files.includes(path);
    for (const path of filesAt(source).filter((name) => name.endsWith(".ts"))) {
      const [code, types] = [".js", ".d.ts"].map((ending) => path.replace(/\.ts$/, ending));
      assert(has(code!) && has(types!), path);
    }
    for (const path of files.filter((name) => /\.(js|ts)$/.test(name))) {
      const text = Deno.readTextFileSync(join(target, path));
      assert(!text.includes(folder) && !/" ?from "[^"]*\.ts"|import\("[^"]*\.ts"/.test(text), path);
      for (const [, name] of text.matchAll(/^(?:import|export)\b[^;]*? from "([^"]+)";$/gm)) {
        assert(has(join(path, "..", name!)), `${path} imports ${name}`);
      }
    }
    Deno.writeTextFileSync(join(folder, "package.json"), "{}");
    const [, program] = /^```ts\n([^]*?)^```$/m.exec(
      Deno.readTextFileSync(join(ROOT, "README.md")),
    )!;
    Deno.writeTextFileSync(join(folder, "program.ts"), program!);
    const args = ["run", "--quiet", "--check", "--node-modules-dir=manual", "program.ts"];
    const printed = await deno(args, { cwd: folder });
    assertMatch(printed, /3\.8\d/);
  }));

Deno.test("the folder of sources refuses to be published", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: ROOT,
  }).output();
  assert(!success);
  assertStringIncludes(new TextDecoder().decode(stderr), "'publish' field is false");
});
