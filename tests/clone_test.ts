/** A fresh clone: set-up by JSR, repairs, the tasks from any folder, the script and the binary. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { deno } from "./support/process.ts";

const ROOT = Deno.realPathSync(`${import.meta.dirname}/..`);
const PARTS = ["deno.json", "main.ts", "mod.ts", "example", "kernels", "nce", "tools"];
const PACKAGE = config.imports["@cliffy/command"];
const VERSIONS = `nce ${config.version}\ndeno ${Deno.version.deno}\ncliffy ${
  PACKAGE.split("@").at(-1)
} (JSR)\n`;
// A GPU would be timed, and its tuning kept beside the model.
const TINY = "--emsize 4 --nhid 4 --nlayers 1 --noise-ratio 3 --epochs 1 --no-autotune".split(" ");

/** Runs Deno as a user does who stands in `cwd`: there is no task around it that keeps its folder. */
function call(args: readonly string[], cwd: string, env: Record<string, string> = {}) {
  return deno(args, cwd, { INIT_CWD: undefined, ...env });
}

function copyInto(folder: string, path: string): void {
  if (Deno.statSync(`${ROOT}/${path}`).isFile) {
    Deno.copyFileSync(`${ROOT}/${path}`, `${folder}/${path}`);
    return;
  }
  Deno.mkdirSync(`${folder}/${path}`);
  for (const { name } of Deno.readDirSync(`${ROOT}/${path}`)) copyInto(folder, `${path}/${name}`);
}

/** A clone for which JSR answers: where it does not, an import map serves npm's copy in its name. */
function makeClone(folder: string): void {
  Deno.mkdirSync(folder);
  for (const part of PARTS) copyInto(folder, part);
  const cliffy = new URL("../.deps/cliffy/mod.js", import.meta.url);
  if (Deno.readTextFileSync(cliffy).includes(PACKAGE)) return;
  const imports = { ...config.imports, [PACKAGE]: "./jsr.js" };
  Deno.writeTextFileSync(`${folder}/deno.json`, JSON.stringify({ ...config, imports }));
  Deno.writeTextFileSync(`${folder}/jsr.js`, `export * from "${cliffy}";\n`);
}

/** Gives `body` a clone and a folder for a user, with a text and a vocabulary. */
async function withClone(body: (clone: string, user: string) => Promise<void>): Promise<void> {
  const parent = Deno.realPathSync(await Deno.makeTempDir());
  // Task commands must quote.
  const clone = `${parent}/the clone`, user = `${parent}/the user`;
  try {
    makeClone(clone);
    Deno.mkdirSync(`${user}/my text`, { recursive: true });
    const sentences = "a b c d e\n".repeat(30);
    for (const part of ["train", "valid", "test"]) {
      Deno.writeTextFileSync(`${user}/my text/${part}.txt`, sentences);
    }
    Deno.writeTextFileSync(`${user}/words`, "a\nb\nc\n");
    await body(clone, user);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("setup.ts takes Cliffy from JSR where it answers, and mends what was damaged", () =>
  withClone(async (clone) => {
    const before = await call(["run", "--no-prompt", "main.ts", "--version"], clone);
    assertEquals({ ...before, err: "" }, { code: 1, out: "", err: "" });
    assertMatch(before.err, /^error: Cannot load Cliffy, .*: run `deno task setup` once .*\n$/);
    const entry = `${clone}/.deps/cliffy/mod.js`;
    for (const damage of [() => {}, () => Deno.removeSync(entry), () => Deno.truncateSync(entry)]) {
      await damage();
      const setUp = await call(["task", "--quiet", "setup"], clone);
      assertEquals(setUp.code, 0, setUp.err);
      assertStringIncludes(Deno.readTextFileSync(entry), `export * from "${PACKAGE}";`);
      const version = await call(["run", "--no-prompt", "main.ts", "--version"], clone);
      assertEquals(version, { code: 0, out: VERSIONS, err: "" });
    }
  }));

Deno.test("the tasks read and write where the user stands, and drop npm's --", () =>
  withClone(async (clone, user) => {
    const nce = ["task", "--quiet", "--config", `${clone}/deno.json`, "nce"];
    const words = ["--data", "my text", "--vocab", "words"];
    const trained = await call([...nce, "--", "--train", "--nce", ...TINY, ...words], user);
    assertEquals(trained.code, 0, trained.err);
    assertEquals(names(`${user}/saved_model`), [
      "model.checkpoint.safetensors",
      "model.config.json",
      "model.freq.txt",
      "model.metrics.jsonl",
      "model.safetensors",
    ]);
    const tested = await call([...nce, ...words], user);
    assertEquals(tested.out.split("\n").at(-2), trained.out.split("\n").at(-2));
    // The same from a folder within the clone; no other folder has got a model.
    Deno.mkdirSync(`${clone}/data`);
    Deno.renameSync(`${user}/my text`, `${clone}/data/text`);
    const within = await call(
      ["task", "nce", "--train", "--nce", ...TINY, "--data", "text"],
      `${clone}/data`,
    );
    assertEquals(within.code, 0, within.err);
    assertEquals(names(`${clone}/data`), ["saved_model", "text"]);
    assert(!names(clone).includes("saved_model"));
  }));

Deno.test("the task demo takes options of the user's in the place of its own", () =>
  withClone(async (clone, user) => {
    const demo = ["task", "--quiet", "--config", `${clone}/deno.json`, "demo", ...TINY];
    const { code, err } = await call([...demo, "--data", "my text"], user);
    assertEquals(code, 0, err);
    const { nhid, epochs, data, lr, noise } = JSON.parse(
      Deno.readTextFileSync(`${user}/saved_model/demo.config.json`),
    );
    assertEquals({ nhid, epochs, data }, { nhid: 4, epochs: 1, data: "my text" });
    assertEquals({ lr, noise }, { lr: 0.25, noise: "batch+unigram" });
  }));

Deno.test("the task test takes files from where the user stands, and drops npm's --", () =>
  withClone(async (clone) => {
    const test = 'Deno.test("one", () => {});';
    Deno.mkdirSync(`${clone}/tests`);
    Deno.writeTextFileSync(`${clone}/tests/one_test.ts`, test);
    Deno.writeTextFileSync(`${clone}/tests/two_test.ts`, test);
    for (const [file, folder] of [["one_test.ts", "/tests"], ["tests/one_test.ts", ""]]) {
      const { code, out } = await call(["task", "test", "--", file!], clone + folder);
      assertEquals({ code, last: out.trimEnd().split("\n").at(-1) }, {
        code: 0,
        last: "1 passed, 0 failed",
      });
    }
  }));

/** The source text of a file or of all modules in a folder. */
function sourceOf(path: string): string {
  if (Deno.statSync(path).isFile) return path.endsWith(".ts") ? Deno.readTextFileSync(path) : "";
  return [...Deno.readDirSync(path)].map(({ name }) => sourceOf(`${path}/${name}`)).join("\n");
}

// `deno task` fetches them all before it starts the program.
Deno.test("deno.json names no package of npm that only tests import", () => {
  const source = PARTS.map((part) => sourceOf(`${ROOT}/${part}`)).join("\n");
  const packages = Object.entries(config.imports).filter(([, place]) => place.startsWith("npm:"));
  assert(packages.length > 0);
  const unused = packages.filter(([name]) => !source.includes(`"${name}"`));
  assertEquals(unused, []);
});

/** Whether Deno has esbuild, or can fetch it: it does so when it bundles for the first time. */
async function hasEsbuild(): Promise<boolean> {
  const { err } = await call(["bundle", "--quiet", `${ROOT}/tools/tar.ts`], ROOT);
  return !/@?esbuild[^]*client error \(Connect\)/.test(err);
}

Deno.test({
  name: "the task bundle makes one script that runs alone from any folder (esbuild or a network)",
  ignore: !await hasEsbuild(),
  fn: () =>
    withClone(async (clone, user) => {
      const { code, err } = await call(["task", "--quiet", "bundle"], clone);
      assertEquals({ code, last: err.split("\n").at(-2) }, { code: 0, last: "Made dist/nce.js" });
      assertEquals(names(`${clone}/dist`), ["nce.js"]);
      Deno.renameSync(`${clone}/dist/nce.js`, `${user}/nce.js`);
      Deno.removeSync(clone, { recursive: true });
      const flags = ["run", "--no-prompt", "--allow-read", "--allow-write=saved_model"];
      const version = await call([...flags, "nce.js", "--version"], user);
      assertEquals(version, { code: 0, out: VERSIONS, err: "" });
      const args = ["--train", "--nce", ...TINY, "--data", "my text"];
      const trained = await call([...flags, "nce.js", ...args], user);
      assertEquals(trained.code, 0, trained.err);
      assertMatch(trained.out, /^test +ppl [\d.]+, /m);
      const [first] = Deno.readTextFileSync(`${user}/nce.js`).split("\n", 1);
      assertMatch(first ?? "", /^#!\/usr\/bin\/env -S deno run --allow-read .*=saved_model,runs /);
    }),
});

Deno.test("the task compile fails in a line and leaves no file when denort is another program", () =>
  withClone(async (clone) => {
    const denort = { DENORT_BIN: Deno.execPath() };
    const { code, err } = await call(["task", "--quiet", "compile"], clone, denort);
    assertEquals(code, 1);
    assertMatch(err, /^error: What was made is not the program: .* must be a denort\n$/m);
    assertEquals(names(`${clone}/dist`), []);
  }));
