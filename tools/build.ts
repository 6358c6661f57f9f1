/**
 * Builds the program with its kernels and Cliffy as one file, tests it, and puts it into `dist`.
 * `build.ts compile` makes the binary `nce`; `build.ts bundle` makes the script `nce.js`, which needs Deno.
 */

import config from "../deno.json" with { type: "json" };
import { Failure, reasonOf } from "../example/shared/errors.ts";
import { FLAGS } from "../example/cli/permissions.ts";

const OUTPUT = "dist";
const ROOT = `${import.meta.dirname}/..`;

/** One way to build the program. */
interface Form {
  readonly name: string;
  /** Arguments of deno, without input and output. */
  readonly args: readonly string[];
  /** The first line of a script, which lets a shell run it. */
  readonly shebang?: string;
}

/** A binary cannot keep permissions for folders relative to where it is started. */
const [READ, , ...OTHERS] = FLAGS;

const FORMS: Readonly<Record<string, Form>> = {
  compile: {
    name: "nce",
    args: [
      ...["compile", "--quiet", "--no-check", READ, "--allow-write", ...OTHERS],
      `--include=${ROOT}/tools/chart_libraries.ts`,
    ],
  },
  bundle: {
    name: "nce.js",
    args: ["bundle", "--quiet", "--minify"],
    shebang: `#!/usr/bin/env -S deno run ${FLAGS.join(" ")}\n`,
  },
};

/** Builds the file in a temporary folder, tests it there, and moves it into place. */
async function build({ name, args, shebang }: Form): Promise<string> {
  Deno.mkdirSync(OUTPUT, { recursive: true });
  const work = Deno.makeTempDirSync({ dir: OUTPUT });
  try {
    await make([...args, `--output=${work}/${name}`, `${ROOT}/main.ts`]);
    // On Windows a binary gets a suffix.
    const made = [...Deno.readDirSync(work)][0]?.name ?? name;
    if (shebang !== undefined) prepend(`${work}/${made}`, shebang);
    await tryOut(`${work}/${made}`, shebang !== undefined);
    Deno.renameSync(`${work}/${made}`, `${OUTPUT}/${made}`);
    return `${OUTPUT}/${made}`;
  } finally {
    Deno.removeSync(work, { recursive: true });
  }
}

async function make(args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args] }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  if (!/denort/.test(said)) throw new Failure(said);
  throw new Failure(
    "Cannot get denort, the runtime that deno compile builds on: download it from Deno's release " +
      "page for this version and set DENORT_BIN to its path, or make a script by `deno task bundle`",
  );
}

function prepend(path: string, line: string): void {
  Deno.writeTextFileSync(path, line + Deno.readTextFileSync(path));
  if (Deno.build.os !== "windows") Deno.chmodSync(path, 0o755);
}

/** Checks that the file is this program; with a wrong denort, for example, it is not. */
async function tryOut(path: string, isScript: boolean): Promise<void> {
  const file = Deno.realPathSync(path),
    expected = `${config.name.split("/").at(-1)} ${config.version}`;
  const command = isScript
    ? new Deno.Command(Deno.execPath(), { args: ["run", "--no-prompt", file, "--version"] })
    : new Deno.Command(file, { args: ["--version"] });
  const { stdout, stderr } = await command.output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  const said = (out || errors || "").split("\n", 1)[0] ?? "";
  if (said === expected) return;
  const denort = isScript ? undefined : Deno.env.get("DENORT_BIN");
  const cure = denort === undefined ? "" : `; DENORT_BIN=${denort} must be a denort`;
  throw new Failure(
    `What was made is not the program: --version says "${said}", not "${expected}"${cure}`,
  );
}

const form = FORMS[Deno.args[0] ?? ""];
try {
  if (form === undefined) throw new Failure(`Say what to make: ${Object.keys(FORMS).join(" or ")}`);
  console.error(`Made ${await build(form)}`);
} catch (error) {
  console.error(`error: ${reasonOf(error)}`);
  Deno.exit(1);
}
