/**
 * Compiles every kernel that the tests compile by Tint, the compiler of Chromium: what Deno's compiler takes,
 * a browser may reject. `deno task check:tint` needs Chromium (CHROMIUM names another program than
 * `chromium`), and the folder that `deno task ok` fills by record.ts.
 */

import { join } from "@std/path";
import { wgslFiles } from "../support/kernel_files.ts";
import { runInChromium } from "../package/chromium.ts";
import { inFullFloats, type Shader, specialised } from "./shader.ts";

/** Compiles modules, and gives a line for each error. A pipeline would take a second of SwiftShader's time. */
const PAGE = `
  const shaders = await (await fetch("shaders.json")).json();
  const adapter = await navigator.gpu.requestAdapter();
  const requiredFeatures = ["subgroups"];
  const device = await adapter.requestDevice({ requiredFeatures });
  const failures = [];
  for (const { label, code } of shaders) {
    device.pushErrorScope("validation");
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    await device.popErrorScope();
    for (const { type, lineNum, linePos, message } of messages) {
      if (type !== "error") continue;
      const line = code.split("\\n")[lineNum - 1];
      failures.push(label + ", line " + lineNum + ":" + linePos + ": " + message + ": " + line);
    }
  }
  return failures;
`;

/**
 * What the files of `folder` hold of the library's kernels; tests have others, with errors too. A kernel is
 * known by its first line, which tells what it computes: lines on the parts of a table are written anew.
 */
function kernelsIn(folder: string): Shader[] {
  const kernels = wgslFiles().filter(({ source }) => source.includes("@compute"))
    .map(({ path, source }) => ({ path, title: source.split("\n", 1)[0]! }));
  const found = [...Deno.readDirSync(folder)].map(({ name }): Shader =>
    JSON.parse(Deno.readTextFileSync(join(folder, name)))
  );
  const missing = kernels.filter(({ title }) => !found.some(({ code }) => code.includes(title)));
  if (missing.length > 0) {
    const paths = missing.map(({ path }) => path);
    throw new Error(`${folder} lacks ${paths.join(", ")}: fill it by all tests`);
  }
  return found.filter(({ code }) => kernels.some(({ title }) => code.includes(title)));
}

/** Tint's errors in `shaders`. */
export async function errorsByTint(shaders: readonly Shader[]): Promise<string[]> {
  const texts = new Map(
    shaders.map((shader) => [inFullFloats(specialised(shader)), shader.label]),
  );
  const modules = [...texts].map(([code, label]) => ({ label, code }));
  const files = new Map([["shaders.json", JSON.stringify(modules)]]);
  return await runInChromium(files, PAGE) as string[];
}

/** A kernel with an error that Deno's compiler does not report, to see that Tint does. */
const WRONG = {
  label: "wrong",
  code: "fn f(x: u32) -> u32 { return x >> 2 & 3; }",
  constants: {},
};

async function main(): Promise<void> {
  const kernels = kernelsIn(Deno.args[0] ?? "dist/shaders");
  const [wrong, ...errors] = await errorsByTint([WRONG, ...kernels]);
  if (!wrong?.startsWith("wrong, ")) {
    throw new Error(`Tint does not report its errors, but ${wrong}`);
  }
  for (const error of errors) console.error(error);
  if (errors.length > 0) Deno.exit(1);
  console.log(`Tint compiles ${kernels.length} kernels`);
}

if (import.meta.main) await main();
