// What all kernels have in common: a header that says it all, and uniforms that can be packed.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { packUniform, uniformFields } from "../../kernels/device/pipelines.ts";
import { importedWgsl, wgslFiles } from "../support/kernel_files.ts";
import { wgslTokens } from "../package/wgsl_tokens.ts";

/** Bytes that a kernel's uniform may take. */
const UNIFORM_BYTES = 256;

Deno.test("every WGSL file is a kernel or a library of one: a module imports it", () => {
  const paths = wgslFiles().map(({ path }) => path).sort();
  assertEquals(importedWgsl(), paths);
  assert(paths.length > 0);
});

Deno.test("every kernel's uniform holds 32-bit numbers in at most 256 bytes", () => {
  for (const { path: name, source } of wgslFiles()) {
    const fields = uniformFields(source); // throws for any other type
    assert(4 * fields.length <= UNIFORM_BYTES, `${name}: ${fields.length} fields`);
    const names = new Set(fields.map((field) => field.name));
    assertEquals(names.size, fields.length, name);
    const uses = [...source.matchAll(/\bparams\.(\w+)/g)].map(([, field]) => field!);
    for (const use of uses) assert(names.has(use) || fields.length === 0, `${name}: params.${use}`);
  }
});

Deno.test("every kernel begins with what it computes, its dispatch and its determinism", () => {
  for (const { path: name, source } of wgslFiles()) {
    const header = source.slice(0, source.search(/^(?!\/\/)/m));
    assert(header.length > 100, `${name} has no header`);
    if (!source.includes("@compute")) continue; // a library of functions
    for (const part of ["Dispatch:", "Determinism:"]) {
      assert(header.includes(part), `${name}: the header has no ${part}`);
    }
  }
});

/** What is not in the style of the house: long names of vectors, block comments, suffixes, folded grids. */
function untidy(source: string): string[] {
  const code = source.replace(/\/\/.*/g, "");
  const long = code.match(/\b(?:vec[234]|mat\dx\d)<.*?>|\/\*/g) ?? [];
  // A variable without a type takes that of its value, and these functions take no abstract number.
  const needed =
    /\b(?:let|var|const) \w+ = \d+u;|\bsubgroupBroadcast\(\w+, \d+u\)|\bselect\(\d+u, \d+u,/g;
  const suffixes = code.replace(needed, "").match(/\b(?:0x[\da-f]+u|[\d.]+(?:e-?\d+)?[uf])\b/g) ??
    [];
  const folds = code.match(/num_workgroups/g) ?? [];
  return [...source.match(/\/{3}/g) ?? [], ...long, ...suffixes, ...folds];
}

Deno.test("WGSL is written in one style, and folded grids are told by _grid.wgsl alone", () => {
  for (const { path: name, source } of wgslFiles()) {
    assertEquals(untidy(source), name.endsWith("_grid.wgsl") ? ["num_workgroups"] : [], name);
  }
  const sample =
    "let a = 0u; let b: u32 = 1u; /// c\n let d = vec2<u32>(3, 0xffu) + 1.5f; select(0u, 1u, e);";
  assertEquals(untidy(sample), ["///", "vec2<u32>", "1u", "0xffu", "1.5f"]);
});

/** Places where a bit operator stands beside another operator without parentheses. */
function mixedBitOperators(source: string): string[] {
  const found: string[] = [], outer: Set<string>[] = [];
  let operators = new Set<string>();
  const end = (token: string) => {
    const bits = [...operators].some((operator) => /^(?:<<|>>|[&|^])$/.test(operator));
    if (bits && operators.size > 1) found.push(`${[...operators].join(" ")} before ${token}`);
  };
  for (const token of wgslTokens(source)) {
    if (/^[([]$/.test(token)) {
      outer.push(operators), operators = new Set();
    } else if (/^[)\]]$/.test(token)) {
      end(token), operators = outer.pop() ?? new Set();
    } else if (/^(?:[{},;:]|[-+*/%&|^]?=|<<=|>>=)$/.test(token)) {
      end(token), operators = new Set();
    } else if (/^(?:<<|>>|&&|\|\||[=!<>]=|[-+*/%&|^])$/.test(token)) {
      operators.add(token);
    }
  }
  return found;
}

Deno.test("bit operators stand in parentheses: WGSL and browsers want it, Deno's compiler does not", () => {
  for (const { path: name, source } of wgslFiles()) {
    assertEquals(mixedBitOperators(source), [], name);
  }
  assertEquals(mixedBitOperators("f(x >> 2 & 4095, x >> 14);"), [">> & before ,"]);
  assertEquals(mixedBitOperators("let a = b | (c) & d[e + 1];"), ["| & before ;"]);
  assertEquals(
    mixedBitOperators("let a = b << (c + 1); a ^= (b & c) + d;"),
    [],
  );
});

Deno.test("the first line of a kernel is its own, so that the kernel can be told by it", () => {
  const titles = wgslFiles().map(({ source }) => source.split("\n", 1)[0]!);
  assertEquals(new Set(titles).size, titles.length);
  for (const title of titles) assert(!title.includes("PART"), title);
});

Deno.test("uniformFields() reads names and types, not comments", () => {
  const source = `// struct Params { k: u32 }
  struct Params {
    n: u32, // rows: u32 }
    /* shift: f32, */ shift: i32,
    lr: f32
  }`;
  assertEquals(uniformFields(source), [
    { name: "n", type: "u32" },
    { name: "shift", type: "i32" },
    { name: "lr", type: "f32" },
  ]);
  assertEquals(uniformFields("@compute fn main() {}"), []);
  for (const type of ["vec2<u32>", "array<f32, 4>", "bool"]) {
    assertThrows(() => uniformFields(`struct Params { a: ${type} }`), TypeError, "field a");
  }
});

Deno.test("packUniform() writes every type at its place", () => {
  const fields = uniformFields("struct Params { n: u32, shift: i32, lr: f32 }");
  const view = new DataView(new ArrayBuffer(32));
  packUniform("op", fields, { lr: 0.5, n: 2 ** 32 - 1, shift: -2 }, view, 16);
  assertEquals(view.getUint32(16, true), 2 ** 32 - 1);
  assertEquals(view.getInt32(20, true), -2);
  assertEquals(view.getFloat32(24, true), 0.5);
  assertEquals(view.getFloat64(0), 0);
});

/**
 * What the compilers of Direct3D refuse in naga's HLSL: a zero value by an alias is a function of the same name as that by
 * the type's own name, and `dx` and `vk` are namespaces.
 */
function refusedInHlsl(source: string, aliases: readonly string[]): string[] {
  const code = source.replace(/\/\/.*/g, "");
  const zeros = [...code.matchAll(/\b(\w+)\(\)/g)].filter(([, name]) => aliases.includes(name!));
  return [...zeros.map(([zero]) => zero), ...code.match(/(?<!\.)\b(?:dx|vk)\b/g) ?? []];
}

/** Names of scalars and vectors in `source`; an array is named by nothing else. */
function aliasesIn(source: string): string[] {
  return [...source.matchAll(/^alias (\w+) = (?!array)/gm)].map(([, name]) => name!);
}

Deno.test("no kernel has what the compilers of Direct3D refuse in naga's HLSL", () => {
  const files = wgslFiles(), aliases = files.flatMap(({ source }) => aliasesIn(source));
  assert(aliases.includes("Vec"));
  for (const { path: name, source } of files) {
    assertEquals(refusedInHlsl(source, aliases), [], name);
  }
  const sample = "var<storage> dx: array<Vec>; let a = Vec() + Vec(0); // vk";
  assertEquals(refusedInHlsl(sample, aliases), ["Vec()", "dx"]);
});
