// Kernels as Tint gets them: with constants for override constants, and what subgroups need.

import { assertEquals, assertThrows } from "@std/assert";
import { wgslFiles } from "../support/kernel_files.ts";
import { inFullFloats, specialised } from "./shader.ts";

Deno.test("specialised() puts in the constants that are given, and keeps the others' values", () => {
  const code = "override A: u32 = 1; // a\noverride B: bool = false;\noverride C: f32 = 2 * 1.5;";
  const of = (constants: Record<string, number>) => specialised({ label: "k", code, constants });
  assertEquals(
    of({ A: 8, B: 1 }),
    "const A: u32 = 8; // a\nconst B: bool = true;\nconst C: f32 = 2 * 1.5;",
  );
  assertEquals(
    of({ B: 0, C: 0.25 }),
    "const A: u32 = 1; // a\nconst B: bool = false;\nconst C: f32 = 0.25;",
  );
});

Deno.test("specialised() enables subgroups once where they are used", () => {
  const of = (code: string) => specialised({ label: "k", code, constants: {} });
  assertEquals(of("let x = subgroupAdd(y);"), "enable subgroups; let x = subgroupAdd(y);");
  const enabled = "enable subgroups;\nlet x = subgroupAdd(y);";
  assertEquals(of(enabled), enabled);
  assertEquals(of("// subgroups"), "// subgroups");
});

Deno.test("specialised() knows how the kernels write override constants, and refuses other ways", () => {
  for (const { path, source } of wgslFiles()) {
    specialised({ label: path, code: source, constants: {} });
  }
  const untyped = { label: "k", code: "override A = 1;", constants: {} };
  assertThrows(() => specialised(untyped), Error, "specialise k");
});

Deno.test("inFullFloats() writes floats of 32 bits for those of 16", () => {
  const code =
    "// f16\nenable f16;\nalias Weight = f16; // f16_of\nlet x = vec4h(vec2h(), vec2h(f16(1)));";
  const full = "// f32\n\nalias Weight = f32; // f16_of\nlet x = vec4f(vec2f(), vec2f(f32(1)));";
  assertEquals(inFullFloats(code), full);
});
