/** The command line as a user meets it: help, version, one-line errors and exit codes. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { PROGRAM } from "../example/cli/commands.ts";
import { helpOf } from "../example/cli/help.ts";
import { FLAGS } from "../example/cli/permissions.ts";
import { inFolder } from "./support/folder.ts";
import { deno, type Outcome } from "./support/process.ts";

const MAIN = new URL("../main.ts", import.meta.url);
const ROOT = `${import.meta.dirname}/..`;
const PERMISSIONS = ["--allow-read", "--allow-write", "--allow-env=XDG_RUNTIME_DIR,LP_NUM_THREADS"];

/** Runs the program in an empty folder, and checks that it leaves the folder empty. */
async function nce(...args: string[]): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    const outcome = await deno(["run", "--no-prompt", ...PERMISSIONS, MAIN.href, ...args], folder);
    assertEquals([...Deno.readDirSync(folder)], [], "the program wrote a file");
    return outcome;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Copies a file or a folder of the project to the same path in another folder. */
function copyInto(folder: string, path: string): void {
  Deno.mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
  if (Deno.statSync(`${ROOT}/${path}`).isFile) {
    return Deno.copyFileSync(`${ROOT}/${path}`, `${folder}/${path}`);
  }
  for (const { name } of Deno.readDirSync(`${ROOT}/${path}`)) copyInto(folder, `${path}/${name}`);
}

Deno.test("main.ts lists every option with its default when asked for help", async () => {
  const { code, out, err } = await nce("--help");
  assertEquals({ code, err }, { code: 0, err: "" });
  assertEquals(out.trimEnd(), helpOf(PROGRAM, PROGRAM.root, 80));
});

Deno.test("main.ts shows help when other options stand beside --help", async () => {
  const { code, out, err } = await nce("--train", "--lr", "0", "-h");
  assertEquals({ code, err }, { code: 0, err: "" });
  assertStringIncludes(out, "Usage:");
});

Deno.test("main.ts names its own, Deno's and Cliffy's version when asked for them", async () => {
  const { code, out, err } = await nce("--version");
  assertEquals({ code, err }, { code: 0, err: "" });
  assertMatch(
    out,
    /^nce \d+\.\d+\.\d+\ndeno \d+\.\d+\.\d+\ncliffy \d+\S* \((JSR|npm copy)\)\n$/,
  );
});

Deno.test("main.ts drops one -- that npm's users put before the options", async () => {
  assertEquals(await nce("--", "--version"), await nce("--version"));
  assertEquals(await nce("--train", "--", "--help"), await nce("--help"));
  const { code, err } = await nce("--", "--train", "--", "x");
  assertEquals({ code, err }, {
    code: 2,
    err: 'error: Unexpected argument "x": every option begins with --; see --help\n',
  });
});

/** Runs the program with these permissions alone, in a folder with a text and a vocabulary. */
async function permitted(flags: readonly string[], ...args: string[]): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/text`);
    for (const part of ["train", "valid", "test"]) {
      await Deno.writeTextFile(`${folder}/text/${part}.txt`, "a b c d\n".repeat(20));
    }
    await Deno.writeTextFile(`${folder}/words`, "a\nb\n");
    const sizes = args.includes("--train")
      ? ["--emsize", "4", "--nhid", "4", "--nlayers", "1", "--epochs", "1"]
      : [];
    return await deno(["run", "--no-prompt", ...flags, MAIN.href, ...sizes, ...args], folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const TEXT = ["--data", "text", "--vocab", "words"];

Deno.test("main.ts names the flags before it does anything when a permission is missing", async () => {
  const missing: readonly (readonly [string[], string[], string])[] = [
    [[], ["--data", "text"], "read text"],
    [["--allow-read=text"], ["--train", ...TEXT], "read words"],
    [["--allow-read=text"], ["--data", "text"], "read saved_model"],
    [["--allow-read"], ["--data", "text"], "write saved_model"],
    [["--allow-read"], ["--train"], "write saved_model"],
    [["--allow-read=words", "--allow-write"], ["--data", "none", "--prof"], "read none"],
    [[], [], "read saved_model"],
  ];
  for (const [flags, args, what] of missing) {
    const { code, out, err } = await permitted(flags, ...args);
    assertEquals([code, out], [2, ""]);
    const command = `deno run ${FLAGS.join(" ")} ${fromFileUrl(MAIN)}`;
    assert(err.startsWith(`error: May not ${what}: start it by ${command}`), err);
    assert(err.endsWith(`${args.join(" ")}\n`), err);
  }
});

Deno.test("main.ts names a command that a shell can run when a permission is missing", () =>
  inFolder(async (folder) => {
    const words = ["--data", "it's a $text", "--save", "a-b", "--seed", "7"];
    const { err } = await deno(["run", "--no-prompt", MAIN.href, ...words], folder);
    const rest = `--data 'it'\\''s a $text' --save a-b --seed 7\n`;
    assert(err.endsWith(` ${fromFileUrl(MAIN)} ${rest}`), err);
  }));

Deno.test("main.ts needs no permission but those that it asks for at the start", async () => {
  const flags = ["--allow-read=text,words,saved_model", "--allow-write=saved_model"];
  const trained = await permitted(flags, "--train", "--nce", "--noise-ratio", "2", ...TEXT);
  assertEquals(trained.code, 0, trained.err);
  assertMatch(trained.out, /^test +ppl /m);
  const profiled = await permitted([], "--prof", "--data", "synthetic:words=1000,vocab=100");
  assertEquals(profiled.code, 0, profiled.err);
  const untrained = await permitted(flags, ...TEXT);
  assertMatch(untrained.err, /^error: There is no model saved_model\/model\.safetensors: /m);
});

Deno.test("README.md and the task nce give the program the flags that its message names", () => {
  const flags = FLAGS.join(" ");
  assertStringIncludes(
    config.tasks.nce.command,
    `deno run ${flags} --allow-env=NCE_SET_UP "$ROOT/main.ts"`,
  );
  const readme = Deno.readTextFileSync(`${ROOT}/README.md`).replace(/\s+/g, " ");
  assert(readme.includes(`deno run ${flags} main.ts`), `README.md lacks ${flags}`);
});

Deno.test("main.ts needs no permission when it only shows help or an error", async () => {
  const help = await deno(["run", "--no-prompt", "main.ts", "--help"], ROOT);
  assertEquals({ code: help.code, err: help.err }, { code: 0, err: "" });
  const wrong = await deno(["run", "--no-prompt", "main.ts", "--lr", "0"], ROOT);
  assertEquals(wrong.code, 2);
});

const WRONG_USES: readonly (readonly [readonly string[], string])[] = [
  [["--epoch", "3"], 'Unknown option "--epoch". Did you mean option "--epochs"?'],
  [["--no-epochs"], 'Unknown option "--no-epochs". Did you mean option "--epochs"?'],
  [
    ["--train", "--no-train"],
    "--train is given twice, --train and --no-train: leave one out; what --config FILE sets may be given again",
  ],
  [
    ["--noise-ratio", "-3"],
    '--noise-ratio must be a whole number from 1 to 10000000, got "-3", for example --noise-ratio 50',
  ],
  [["--lr=0"], '--lr must be a number from 1e-30 to 1e+30, got "0", for example --lr 1'],
  [
    ["--lr", "1", "--lr", "2"],
    "--lr is given twice, 1 and 2: leave one out; what --config FILE sets may be given again",
  ],
  [
    ["--lr=1", "--nce", "--lr", "1"],
    "--lr is given twice: leave one out; what --config FILE sets may be given again",
  ],
  [["score", "m", "--base", "2", "--base=10"], "--base is given twice, 2 and 10: leave one out"],
  [["--lr"], 'Missing value for option "--lr"; see --help'],
  [["--lr=", "5"], "--lr needs a value, but it is empty; see --help"],
  [["--data", ""], "--data needs a value, but it is empty; see --help"],
  [["--data", "--train"], '--data needs a value, but the next word is "--train"'],
  [
    ["--train", "--loss", "full", "--noise-ratio", "7"],
    "--noise-ratio 7 has no effect with --loss full: leave it out",
  ],
  [["--train=yes"], 'Option "--train" doesn\'t take a value, but got "yes"; see --help'],
  [
    ["--train", "--lr", "2", "data/penn"],
    'Unexpected argument "data/penn": every option begins with --; see --help',
  ],
  [["--", "x"], 'Unexpected argument "x": every option begins with --; see --help'],
  [[""], 'Unexpected argument "": every option begins with --; see --help'],
  [["score", ""], "<model> is empty; see --help"],
  [["score", "m", "--words", ""], "<file> is empty; see --help"],
  [["report", "a", ""], "<run> is empty; see --help"],
  [
    ["generate", "m", ""], // an empty prompt is one
    "There is no model saved_model/m.safetensors: train it with --train, or give the path of a model file",
  ],
  [["-=x"], 'Unexpected argument "-=x": every option begins with --; see --help'],
  [["compltions", "bash"], 'Unknown command "compltions". Did you mean "completions"?'],
  [["train"], 'Unknown command "train". Did you mean "--train"?'],
  [["epochs", "3"], 'Unknown command "epochs". Did you mean "--epochs"?'],
  [["help"], 'Unknown command "help". Did you mean "--help"?'],
  [["data/penn"], 'Unexpected argument "data/penn": every option begins with --; see --help'],
  [
    ["--train", "completions", "bash"],
    'Unexpected argument "completions": a command comes first; see --help',
  ],
  [
    ["completions"],
    "nce completions <shell> needs <shell>, one of bash, zsh, fish; see --help",
  ],
  [["completions", "ksh"], '<shell> must be one of bash, zsh, fish, got "ksh"'],
  [
    ["completions", "bash", "completions"],
    'Unexpected argument "completions": every option begins with --; see --help',
  ],
  [["completions", "bash", "--lr"], 'Unknown option "--lr". Did you mean option "--help"?'],
  [["-"], 'Unexpected argument "-": every option begins with --; see --help'],
];

Deno.test("main.ts says what is wrong in one line and exits with 2 when misused", async () => {
  for (const [args, message] of WRONG_USES) {
    assertEquals(await nce(...args), { code: 2, out: "", err: `error: ${message}\n` });
  }
});

Deno.test("main.ts imports the module of a command when it runs, and nothing of the GPU before", () =>
  inFolder(async (folder) => {
    const loaded = ["main.ts", "deno.json", "example/cli", "example/options", "example/shared"];
    for (const path of [...loaded, "tools", ".deps", "example/commands/completions.ts"]) {
      copyInto(folder, path);
    }
    const run = (...args: string[]) => deno(["run", "--no-prompt", "main.ts", ...args], folder);
    assertEquals(await run("--help"), await nce("--help"));
    assertEquals(await run("completions", "--help"), await nce("completions", "--help"));
    assertEquals(await run("completions", "fish"), await nce("completions", "fish"));
    assertEquals((await run("--lr", "0")).code, 2);
    Deno.removeSync(`${folder}/example/commands`, { recursive: true });
    assertEquals(await run("completions", "--help"), await nce("completions", "--help"));
    assertMatch((await run("completions", "fish")).err, /completions\.ts/);
    assertMatch((await run("--prof")).err, /run\.ts/);
  }));
