/** Files of a folder and of all folders in it. */

import { readdirSync } from "node:fs";
import { join } from "@std/path";
import { isFile } from "../example/shared/files.ts";

/** Paths within `root`, in order, of the files at or below `path`. */
export function filesAt(root: string, path = ""): string[] {
  if (isFile(join(root, path))) return [path];
  return readdirSync(join(root, path), { recursive: true, encoding: "utf8" })
    .map((name) => join(path, name)).filter((name) => isFile(join(root, name))).sort();
}
