/** The kernels' WGSL files, in any subfolder. */

import { fromFileUrl, join } from "@std/path";
import { filesAt } from "../../tools/files.ts";

const FOLDER = fromFileUrl(new URL("../../kernels/", import.meta.url));
const TEXT_IMPORT = /from "([^"]+\.wgsl)" with \{ type: "text" \}/g;

/** A file by its path within `kernels/`. */
export interface KernelFile {
  readonly path: string;
  readonly source: string;
}

/** Every file whose name ends in `end`. */
function filesOf(end: string): KernelFile[] {
  return filesAt(FOLDER).filter((path) => path.endsWith(end))
    .map((path) => ({ path, source: Deno.readTextFileSync(join(FOLDER, path)) }));
}

/** Every WGSL file. */
export function wgslFiles(): KernelFile[] {
  return filesOf(".wgsl");
}

/** Sorted, distinct paths of the WGSL files that the folder's modules import. */
export function importedWgsl(): string[] {
  const imported = filesOf(".ts").flatMap(({ path, source }) =>
    [...source.matchAll(TEXT_IMPORT)].map(([, file]) => join(path, "..", file!))
  );
  return [...new Set(imported)].sort();
}
