/**
 * Writes the package to publish, `dist/package`. Its kernels are TypeScript modules that contain the WGSL
 * without comments, since JSR's server and some bundlers do not support imports of text.
 */

import { rmSync } from "node:fs";
import { dirname, fromFileUrl, join } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { Failure } from "../example/shared/errors.ts";
import { filesAt } from "./files.ts";
import { packForNpm } from "./pack_npm.ts";
import { withoutComments } from "../kernels/device/pipelines.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
/** Folder of the package. */
const PACKAGE = join(ROOT, "dist", "package");
/** Folder of the same as JavaScript. */
const NPM_PACKAGE = join(ROOT, "dist", "npm");
/** Published files, and folders whose files are published. */
const CONTENTS = ["mod.ts", "kernels", "nce", "README.md", "CHANGELOG.md", "LICENSE"];
/** Their endings; others are not of the package. */
const PUBLISHED = /\.(ts|wgsl|md)$|^LICENSE$/;
/** Files that are imported as text. */
const TEXT_IMPORT = /"([^"]+\.wgsl)" with \{ type: "text" \}/g;

/** WGSL without comments and empty lines. */
export function stripWgsl(source: string): string {
  const lines = withoutComments(source).split("\n").map((line) => line.trimEnd());
  return lines.filter((line) => line !== "").map((line) => `${line}\n`).join("");
}

/** The module whose default export is the kernel. */
function kernelModule(source: string): string {
  return `export default \`${stripWgsl(source).replace(/[\\`$]/g, "\\$&")}\`;\n`;
}

/** The module with its kernels imported as modules. */
function importModules(path: string, source: string): string {
  const text = source.replace(TEXT_IMPORT, '"$1.ts"');
  if (/\bwith \{ type:/.test(text)) throw new Failure(`Cannot pack ${path}: it imports other data`);
  return text;
}

/** The package's files by their paths. */
export function packageFiles(): Map<string, string> {
  const { name, version, license, exports } = config;
  // Git ignores the folder, and deno publish leaves out ignored files.
  const settings = { name, version, license, exports, publish: { exclude: ["!**"] } };
  const files = new Map([["deno.json", `${JSON.stringify(settings, null, 2)}\n`]]);
  const paths = CONTENTS.flatMap((path) => filesAt(ROOT, path));
  for (const path of paths.filter((path) => PUBLISHED.test(path))) {
    const text = Deno.readTextFileSync(join(ROOT, path));
    if (path.endsWith(".wgsl")) files.set(`${path}.ts`, kernelModule(text));
    else files.set(path, path.endsWith(".ts") ? importModules(path, text) : text);
  }
  return files;
}

/** Puts a folder of what `write` writes to it in the place of `folder`. */
function replace(folder: string, write: (folder: string) => void): void {
  Deno.mkdirSync(dirname(folder), { recursive: true });
  const whole = Deno.makeTempDirSync({ dir: dirname(folder), prefix: "package-" });
  try {
    write(whole);
    rmSync(folder, { recursive: true, force: true });
    Deno.renameSync(whole, folder);
  } finally {
    rmSync(whole, { recursive: true, force: true }); // where that failed
  }
}

/** Writes the package and replaces an older one. */
export function pack(folder: string): void {
  const files = packageFiles();
  replace(folder, (whole) => {
    for (const [path, text] of files) {
      Deno.mkdirSync(dirname(join(whole, path)), { recursive: true });
      Deno.writeTextFileSync(join(whole, path), text);
    }
  });
}

if (import.meta.main) {
  pack(PACKAGE);
  replace(NPM_PACKAGE, (whole) => packForNpm(PACKAGE, whole));
  const { name, version } = config;
  console.log(`Packed ${name} ${version} into ${PACKAGE}, and for npm into ${NPM_PACKAGE}`);
}
