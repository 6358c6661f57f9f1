/** Compiles the program with its kernels and Cliffy into one file, `dist/nce`. */

import config from "../deno.json" with { type: "json" };
import { hasCopy } from "./cliffy_copy.ts";

const OUTPUT = "dist/nce";
const COPY_FOLDER = `${import.meta.dirname}/../.deps/cliffy`;

/** Cliffy's npm copy is found by its literal import; the package on JSR has to be named. */
const cliffy = hasCopy(COPY_FOLDER) ? [] : [`--include=${config.imports["@cliffy/command"]}`];
const { code, stderr } = await new Deno.Command(Deno.execPath(), {
  args: [
    "compile",
    "--quiet",
    "--no-check",
    "--allow-read",
    "--allow-write",
    "--allow-env=XDG_RUNTIME_DIR,LP_NUM_THREADS",
    `--output=${OUTPUT}`,
    ...cliffy,
    "main.ts",
  ],
  stdout: "inherit",
  stderr: "piped",
}).output();
const said = new TextDecoder().decode(stderr).trim();
if (code === 0) {
  console.error(`Compiled ${OUTPUT}`);
} else if (/denort/.test(said)) {
  console.error(
    "error: Cannot get denort, the runtime that deno compile builds on: download it from Deno's " +
      "release page for this version and set DENORT_BIN to its path",
  );
} else {
  console.error(said);
}
Deno.exit(code);
