/** The package's entries: what can be imported of it. */

import config from "../../deno.json" with { type: "json" };

/** Paths of the entries in the package, as in "./nce/nn/mod.ts". */
export const ENTRIES: readonly string[] = Object.values(config.exports);

/** A module that exports all that the entries of the package in `folder` do. */
export function exportAll(folder: string): string {
  return ENTRIES.map((path) => `export * from "${path.replace(".", folder)}";\n`).join("");
}
