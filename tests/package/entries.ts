/** The package's entries: what can be imported of it. */

import config from "../../deno.json" with { type: "json" };

/** Paths of the entries in the package, as in "./nce/nn/mod.ts". */
export const ENTRIES: readonly string[] = Object.values(config.exports);

/** Names of the entries, as in "@nce/nce/nn". */
export const NAMES: readonly string[] = Object.keys(config.exports).map((path) =>
  path.replace(".", config.name)
);

/** A module that exports all that these modules do. */
export function exportAll(modules: readonly string[]): string {
  return modules.map((module) => `export * from "${module}";\n`).join("");
}
