/** Configuration files, TensorBoard's folder and how much is said, as a user meets them. */

import { stripVTControlCharacters } from "node:util";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { inFolder, namesIn } from "./support/folder.ts";
import { deno, type Outcome } from "./support/process.ts";

const MAIN = new URL("../main.ts", import.meta.url).href;
const FLAGS = ["--allow-read", "--allow-write=saved_model"];
const TINY =
  "--train --nce --noise-ratio 5 --data synthetic:words=1000,vocab=100 --emsize 4 --nhid 4 " +
  "--nlayers 1 --epochs 2 --lr 0.5 --per-word";

/** Runs the program in the current folder. */
function nce(args: string, flags: readonly string[] = FLAGS): Promise<Outcome> {
  return deno(["run", "--no-prompt", ...flags, MAIN, ...args.split(" ")], Deno.cwd());
}

function model(name: string): Uint8Array {
  return Deno.readFileSync(`saved_model/${name}.safetensors`);
}

Deno.test("a run leaves a file from which it is run again, to the same bits", () =>
  inFolder(async () => {
    const first = await nce(`${TINY} --save first`);
    assertEquals([first.code, first.err], [0, ""]);
    const again = await nce("--config saved_model/first.config.json --save again");
    assertEquals([again.code, again.err], [0, ""]);
    assertEquals(model("again"), model("first"));
    const configs = ["first", "again"].map((name) =>
      JSON.parse(Deno.readTextFileSync(`saved_model/${name}.config.json`))
    );
    assertEquals(configs[1], { ...configs[0], save: "again" });
    // A switch can be turned off, and then it is another run.
    const other = await nce(
      "--config saved_model/first.config.json --save other --seed 2 --no-per-word",
    );
    assertEquals([other.code, other.err], [0, ""]);
    assert(model("other").some((byte, i) => byte !== model("first")[i]));
    const { seed, ...rest } = JSON.parse(Deno.readTextFileSync("saved_model/other.config.json"));
    assertEquals({ seed, ...rest }, {
      ...configs[0],
      "save": "other",
      "seed": 2,
      "per-word": false,
    });
    // A test leaves the file of the training.
    const tested = await nce("--config saved_model/first.config.json --no-train --save first");
    assertEquals([tested.code, tested.err], [0, ""]);
    assertEquals(tested.out.split("\n").at(-2), first.out.split("\n").at(-2));
    assertEquals(JSON.parse(Deno.readTextFileSync("saved_model/first.config.json")), configs[0]);
    // Without options it takes the text of the training.
    assertEquals((await nce("--save first")).out, tested.out);
  }));

Deno.test("main.ts says in one line what is wrong with a configuration file", () =>
  inFolder(async () => {
    const cases = [
      ["wrong.json", 'wrong.json:2:2: unknown option "epoch"; did you mean "epochs"?'],
      ["none.json", "Cannot read none.json: there is no such file"],
      ["folder", "Cannot read folder: it is a folder, not a file"],
    ] as const;
    Deno.mkdirSync("folder");
    for (const [file, message] of cases) {
      const outcome = await nce(`--config ${file}`);
      assertEquals(outcome, { code: 2, out: "", err: `error: ${message}\n` });
    }
    const denied = await nce("--config wrong.json", []);
    assertEquals(denied.code, 2);
    assertMatch(denied.err, /^error: May not read wrong.json: start it by deno run --allow-read /);
    const useless = await nce("--config idle.json");
    assertEquals(useless.code, 2);
    assertEquals(
      useless.err.split("\n")[0],
      "warning: idle.json: --noise-ratio 7 has no effect with --loss full",
    );
  }, {
    "wrong.json": '{\n\t"epoch": 3\n}',
    "idle.json": '{"train": true, "noise-ratio": 7, "data": "nowhere"}',
  }));

Deno.test("main.ts asks to write runs only for --tb-name", () =>
  inFolder(async () => {
    const denied = await nce(`${TINY} --tb-name x`);
    assertEquals([denied.code, denied.out], [2, ""]);
    assertStringIncludes(denied.err, "May not write runs: start it by deno run --allow-read ");
    assertStringIncludes(denied.err, " --allow-write=saved_model,runs ");
    assertEquals(namesIn("."), []);
    const allowed = await nce(`${TINY} --tb-name x`, [
      "--allow-read",
      "--allow-write=saved_model,runs",
    ]);
    assertEquals([allowed.code, allowed.err], [0, ""]);
    assertEquals(namesIn("runs"), ["x"]);
  }));

Deno.test("--quiet leaves results, and --verbose adds settings and memory", () =>
  inFolder(async () => {
    const begins = ({ out }: Outcome) =>
      out.trimEnd().split("\n").map((line) => line.slice(0, 12).trim());
    const plain = await nce(TINY), quiet = await nce(`${TINY} --quiet`);
    const verbose = await nce(`${TINY} --verbose`);
    const results = ["words", "normaliser", "raw scores", "test"];
    assertEquals(begins(quiet), results);
    assertEquals(quiet.out, plain.out.split("\n").slice(-5).join("\n"));
    const added = begins(verbose).filter((word) => !begins(plain).includes(word));
    assertEquals(added.filter((word) => !/^(replaces|keeps)$/.test(word)), [
      ...["memory", "settings", "memory"],
    ]);
    assertMatch(verbose.out, /^memory +needs [\d.]+ [kM]B on the GPU: /m);
    const [settings] = /^settings +(.*)$/m.exec(verbose.out)?.slice(1) ?? [];
    assertEquals(JSON.parse(settings!)["noise-ratio"], 5);
    assertMatch(verbose.out, /^memory +[\d.]+ [kM]B at most on the GPU$/m);
    const failed = await nce("--data nowhere --quiet --train");
    assertMatch(failed.err, /^error: /);
  }));

Deno.test("errors and warnings are coloured as NO_COLOR and FORCE_COLOR say, and not in a file", () =>
  inFolder(async () => {
    const say = async (variables: Record<string, string | undefined>) => {
      const args = ["run", "--no-prompt", MAIN, "--lr", "0"];
      return (await deno(args, Deno.cwd(), variables)).err;
    };
    const plain = await say({});
    assertMatch(plain, /^error: --lr must be /);
    assertEquals(await say({ NO_COLOR: undefined, FORCE_COLOR: undefined }), plain);
    const coloured = await say({ NO_COLOR: undefined, FORCE_COLOR: "1" });
    assert(coloured.startsWith("\x1b[") && !plain.includes("\x1b"), coloured);
    assertEquals(stripVTControlCharacters(coloured), plain);
  }));
