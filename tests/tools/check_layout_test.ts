// The check of how modules hang together finds what it is for, and nothing else.

import { cpSync } from "node:fs";
import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import {
  importCycles,
  importsOf,
  importsPastEntries,
  misnamedKernels,
  repeatedNames,
  unusedExports,
  upwardImports,
} from "../../tools/check_layout.ts";
import { inFolder } from "../support/folder.ts";
import { deno } from "../support/process.ts";

Deno.test("importsOf() finds every kind of import and names what it takes", () => {
  const source = `/** Text.
 * import { not } from "./in_a_comment.ts";
 */
import "./zero.ts";
import one from "./one.ts";
import type { A, B as C } from "../up/two.ts";
import {
  type D,
  e,
} from "./three.ts";
import * as all from "./four.ts";
import { f } from "@std/assert";
export { g } from "./five.ts";
export * from "./six.ts";
const later = () => import("./seven.ts");
`;
  assertEquals(importsOf("room/file.ts", source), [
    { from: "room/zero.ts", names: [] },
    { from: "room/one.ts", names: undefined },
    { from: "up/two.ts", names: ["A", "B"] },
    { from: "room/three.ts", names: ["D", "e"] },
    { from: "room/four.ts", names: undefined },
    { from: "room/five.ts", names: ["g"] },
    { from: "room/six.ts", names: undefined },
    { from: "room/seven.ts", names: undefined },
  ]);
});

Deno.test("importCycles() gives each way round, of types too, and none where there is none", () => {
  const a = 'import { b } from "./b.ts";\nimport { c } from "./c.ts";\n';
  const c = 'import { b } from "./b.ts";\n';
  const tree = new Map([["a.ts", a], ["b.ts", ""], ["c.ts", c]]);
  assertEquals(importCycles(tree), []);
  tree.set("b.ts", 'import type { A } from "./a.ts";\n');
  assertEquals(importCycles(tree), [["a.ts", "b.ts", "a.ts"]]);
  tree.set("b.ts", 'export type { C } from "./c.ts";\n');
  assertEquals(importCycles(tree), [["b.ts", "c.ts", "b.ts"]]);
  assertEquals(importCycles(new Map([["a.ts", 'import "./a.ts";\n']])), [["a.ts", "a.ts"]]);
});

Deno.test("upwardImports() names imports of a layer from one above, such as tools", () => {
  const modules = new Map([
    ["kernels/gpu.ts", 'import "./device/tensor.ts";\nimport "../nce/audit.ts";\n'],
    ["kernels/device/tensor.ts", 'import type { Gpu } from "../gpu.ts";\n'],
    ["kernels/loss/a.ts", 'import "../matmul/b.ts";\nimport "../recurrent/c.ts";\n'],
    ["tools/setup.ts", 'import "../example/shared/errors.ts";\n'],
    ["tools/run.ts", 'import "./setup.ts";\nimport "../main.ts";\nimport "../bench/a.ts";\n'],
    ["example/demos/a.ts", 'import "../../mod.ts";\nimport "../../tools/pack.ts";\n'],
    ["example/cli/b.ts", 'import "../commands/run.ts";\nimport("../../.deps/c.js");\n'],
    ["main.ts", 'import "./example/cli/b.ts";\nimport type { P } from "./tools/pack.ts";\n'],
    ["bench/a.ts", 'import "../main.ts";\nconst p = await import("../tools/pack.ts");\n'],
  ]);
  assertEquals(upwardImports(modules), [
    "kernels/gpu.ts -> nce/audit.ts",
    "kernels/device/tensor.ts -> kernels/gpu.ts",
    "kernels/loss/a.ts -> kernels/recurrent/c.ts",
    "example/demos/a.ts -> tools/pack.ts",
    "main.ts -> tools/pack.ts",
    "bench/a.ts -> tools/pack.ts",
  ]);
});

Deno.test("importsPastEntries() names what the example takes from inside the library, types too", () => {
  const entries = ["mod.ts", "nce/nn/mod.ts"];
  const modules = new Map([
    ["example/demos/a.ts", 'import "../../mod.ts";\nimport { L } from "../../nce/nn/mod.ts";\n'],
    ["example/demos/b.ts", 'import type { L } from "../../nce/nn/linear.ts";\n'],
    ["example/data/c.ts", 'import("../../kernels/gpu.ts");\nimport "../shared/d.ts";\n'],
    ["tests/e.ts", 'import "../kernels/gpu.ts";\n'],
  ]);
  const expected = [
    "example/demos/b.ts -> nce/nn/linear.ts",
    "example/data/c.ts -> kernels/gpu.ts",
  ];
  assertEquals(importsPastEntries(modules, entries), expected);
});

Deno.test("repeatedNames() names what two entries export, from the same module or from two", () => {
  const modules = new Map([
    ["mod.ts", 'export { a, type B } from "./kernels/a.ts";\nexport { c } from "./nce/c.ts";\n'],
    ["kernels/mod.ts", 'export type { B, D } from "./a.ts";\nexport { c } from "./c.ts";\n'],
    ["nce/e.ts", 'export { a } from "../kernels/a.ts";\n'],
  ]);
  assertEquals(repeatedNames(modules, ["mod.ts", "kernels/mod.ts"]), ["B", "c"]);
  assertEquals(repeatedNames(modules, ["mod.ts", "nce/e.ts"]), ["a"]);
  assertEquals(repeatedNames(modules, ["mod.ts"]), []);
});

Deno.test("misnamedKernels() names libraries without an underscore and kernels with one", () => {
  const kernels = new Map([
    ["k/a.wgsl", "@compute fn main() {}"],
    ["k/_b.wgsl", "fn b() {}"],
    ["k/c.wgsl", "fn c() {}"],
    ["k/_d.wgsl", "@compute fn main() {}"],
  ]);
  assertEquals(misnamedKernels(kernels), ["k/c.wgsl", "k/_d.wgsl"]);
});

Deno.test("unusedExports() names what no other file imports, types of a signature apart", () => {
  const a = `export function used(): void {}
export async function unused(options: Options): Promise<void> {}
export interface Options {}
export type Forgotten = number;
export const ALONE = 1, TWICE = ALONE;
`;
  const modules = new Map([["a.ts", a], ["b.ts", 'import { used } from "./a.ts";\n']]);
  const unused = ["a.ts: unused", "a.ts: Forgotten", "a.ts: ALONE"];
  assertEquals(unusedExports(modules, ["a.ts"]), unused);
  assertEquals(unusedExports(modules, ["b.ts"]), []);
  modules.set("c.ts", 'import * as a from "./a.ts";\n');
  assertEquals(unusedExports(modules, ["a.ts"]), []);
});

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** What the check prints of the project in `folder`, and its exit code. */
async function layoutOf(folder: string) {
  const { code, err } = await deno(["run", "--allow-read", "tools/check_layout.ts"], folder);
  return { code, faults: err.split("\n").slice(0, -1) };
}

Deno.test("the project keeps its layers and entries, and exports nothing in vain", async () => {
  assertEquals(await layoutOf(ROOT), { code: 0, faults: [] });
});

/** A project with each kind of fault. */
const FAULTY = {
  "kernels/_a.wgsl": "@compute fn main() {}",
  "kernels/b.ts": 'import "./c.ts";\nexport const two = 2;\n',
  "kernels/c.ts": 'import "./b.ts";\nimport "../nce/d.ts";\n',
  "kernels/mod.ts": 'export { d } from "../nce/d.ts";\n',
  "nce/d.ts": "export const d = 1;\n",
  "example/data/e.ts": 'import "../../nce/d.ts";\n',
  "mod.ts": 'export { d } from "./nce/d.ts";\n',
  "main.ts": "",
  "bench/f.ts": "",
  "tests/g.ts": "",
};

Deno.test("the check of the layout prints each kind of fault, and fails", () =>
  inFolder(async (folder) => {
    for (const [path, text] of Object.entries(FAULTY)) {
      Deno.mkdirSync(dirname(path), { recursive: true });
      Deno.writeTextFileSync(path, text);
    }
    const program = ["deno.json", "tools", "example/shared/errors.ts", "example/shared/files.ts"];
    for (const path of program) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
    const { code, faults } = await layoutOf(folder);
    assertEquals({ code, faults: faults.filter((line) => !line.includes("example/shared")) }, {
      code: 1,
      faults: [
        "import cycle: kernels/b.ts -> kernels/c.ts -> kernels/b.ts",
        "import from a layer above: kernels/c.ts -> nce/d.ts",
        "import from a layer above: kernels/mod.ts -> nce/d.ts",
        "import past the entries: example/data/e.ts -> nce/d.ts",
        "exported by two entries: d",
        "misnamed: kernels/_a.wgsl",
        "exported, but nobody imports it: kernels/b.ts: two",
      ],
    });
  }));
