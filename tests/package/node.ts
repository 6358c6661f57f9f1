/** Node, whose WebGPU is a package: Dawn, as in Chromium. */

import { join } from "@std/path";
import { isFile } from "../../example/shared/files.ts";

/** The driver of Chromium's package on Debian: Dawn refuses Mesa's before 2023. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** What docs/kernels.md says, and the losses of a bundle as JSON. */
const SCRIPT = `
  import { create, globals } from "webgpu";
  Object.assign(globalThis, globals);
  Object.defineProperty(navigator, "gpu", { value: create([]), configurable: true });
  const { losses } = await import(process.argv[2]);
  console.log(JSON.stringify(await losses()));
  delete navigator.gpu;
`;

/** Runs `losses()` of a module by Node, in a folder where webgpu is installed. */
export async function runInNode(folder: string, module: string): Promise<unknown> {
  Deno.writeTextFileSync(join(folder, "node.mjs"), SCRIPT);
  const { success, stdout, stderr } = await new Deno.Command(Deno.env.get("NODE") ?? "node", {
    args: ["node.mjs", module],
    cwd: folder,
    env: isFile(SWIFTSHADER) ? { VK_ICD_FILENAMES: SWIFTSHADER } : {},
  }).output();
  if (!success) throw new Error(`Node failed:\n${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
