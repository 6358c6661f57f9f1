/**
 * Writes every distinct kernel that tests compile to a folder, for check.ts:
 * `NCE_SHADERS=dist/shaders deno task test --preload=tests/tint/record.ts`.
 */

import { createHash } from "node:crypto";
import { resolve } from "@std/path";
import type { Shader } from "./shader.ts";

const given = Deno.env.get("NCE_SHADERS");
if (!given) throw new Error("NCE_SHADERS does not name the folder that kernels are written to");
const folder = resolve(given); // tests change the current folder
Deno.mkdirSync(folder, { recursive: true });

const modules = new WeakMap<GPUShaderModule, string>();
const { createShaderModule, createComputePipeline } = GPUDevice.prototype;

GPUDevice.prototype.createShaderModule = function (descriptor) {
  const module = createShaderModule.call(this, descriptor);
  modules.set(module, descriptor.code);
  return module;
};

GPUDevice.prototype.createComputePipeline = function (descriptor) {
  const { label = "", compute: { module, constants = {} } } = descriptor;
  const shader: Shader = { label, code: modules.get(module) ?? "", constants };
  const text = JSON.stringify(shader);
  const name = createHash("sha256").update(text).digest("hex").slice(0, 16);
  Deno.writeTextFileSync(`${folder}/${name}.json`, text);
  return createComputePipeline.call(this, descriptor);
};
