/**
 * The package for npm's tools, `dist/npm`: JavaScript beside its types, for bundlers, for pages without one, and
 * for every tsconfig. Browsers do not read TypeScript, and TypeScript checks that of others by its own settings.
 */

import { join } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { Failure } from "../example/shared/errors.ts";
import { filesAt } from "./files.ts";

/** An import of one of the package's own modules. */
const OWN_IMPORT = /(\b(?:from|import) ?\(?"\.[^"]+)\.ts"/g;
/** A line in which the compiler says where the module was. */
const ORIGIN = /^\/\/\/ <amd-module .*\n/gm;
/** The types of `using`, which settings of 2023 and before lack. */
const TYPES = '/// <reference lib="esnext.disposable" />\n';

/** Writes the package for npm to `folder`, which is empty, from that of {@linkcode pack} in `source`. */
export function packForNpm(source: string, folder: string): void {
  const modules = filesAt(source).filter((path) => path.endsWith(".ts"));
  const { success, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["transpile", "--quiet", "--declaration", "--outdir", folder, ...modules],
    cwd: source,
  }).outputSync();
  if (!success) throw new Failure(`Cannot pack for npm: ${new TextDecoder().decode(stderr)}`);
  for (const path of filesAt(folder)) {
    const text = Deno.readTextFileSync(join(folder, path));
    const own = text.replace(ORIGIN, "").replace(OWN_IMPORT, '$1.js"');
    Deno.writeTextFileSync(join(folder, path), path.endsWith(".d.ts") ? TYPES + own : own);
  }
  const { name, version, license, exports } = config;
  const entries = Object.entries(exports).map((
    [entry, path],
  ) => [entry, path.replace(".ts", ".js")]);
  const settings = { name, version, license, type: "module", sideEffects: false };
  const all = { ...settings, exports: Object.fromEntries(entries) };
  Deno.writeTextFileSync(join(folder, "package.json"), `${JSON.stringify(all, null, 2)}\n`);
  for (const path of ["README.md", "CHANGELOG.md", "LICENSE"]) {
    Deno.copyFileSync(join(source, path), join(folder, path));
  }
}
