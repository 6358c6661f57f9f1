// Commands and their arguments, on a made-up program; options and messages are tried in cli_test.ts.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { helpOf } from "../../../example/cli/help.ts";
import { parse } from "../../../example/cli/parse.ts";
import { UsageError } from "../../../example/shared/errors.ts";
import { completions } from "../../../example/commands/completions.ts";
import type { CommandSpec, Program } from "../../../example/options/command.ts";
import { count, flag } from "../../../example/options/option.ts";
import { loadCliffy } from "../../../example/cli/cliffy.ts";
import { captureIo } from "../../support/capture_io.ts";

const PLAIN = { summary: "Does it.", arguments: [], groups: [], examples: [] };
const SCORE: CommandSpec = {
  ...PLAIN,
  name: "score",
  arguments: [{ name: "model" }, { name: "file", optional: true }],
  groups: [{
    title: "Output",
    options: {
      json: flag({ help: "Print JSON." }),
      topK: count([1, 9], { value: "count", help: "Words." }),
    },
  }],
};
const ANSWER: CommandSpec = {
  ...PLAIN,
  name: "answer",
  arguments: [{ name: "model" }, { name: "prompt", optional: true, mayBeEmpty: true }],
};
const PROGRAM: Program = {
  version: "1",
  root: { ...PLAIN, name: "tool" },
  commands: [
    SCORE,
    { ...PLAIN, name: "report" },
    { ...PLAIN, name: "merge", arguments: [{ name: "run", repeated: true }] },
    { ...PLAIN, name: "shell", arguments: [{ name: "shell", choices: ["bash", "zsh"] }] },
    ANSWER,
  ],
};

async function parsed(...words: string[]) {
  const found = await parse(await loadCliffy(), PROGRAM, words, captureIo());
  return found && { ...found, command: found.command.name };
}

async function refusal(...words: string[]): Promise<string> {
  return (await assertRejects(() => parsed(...words), UsageError)).message;
}

Deno.test("parse() finds the command, its options and its arguments in any order", async () => {
  assertEquals(await parsed(), { command: "tool", given: {}, words: [] });
  assertEquals(await parsed("report"), { command: "report", given: {}, words: [] });
  const expected = { command: "score", given: { "json": true, "top-k": "3" }, words: ["m", "f"] };
  assertEquals(await parsed("score", "m", "f", "--json", "--top-k", "3"), expected);
  assertEquals(await parsed("score", "--json", "m", "--top-k=3", "f"), expected);
  assertEquals(await parsed("score", "--top-k", "3", "m", "--json", "f"), expected);
  assertEquals(await parsed("score", "m"), { command: "score", given: {}, words: ["m"] });
  assertEquals((await parsed("score", "report", "-"))?.words, ["report", "-"]);
  assertEquals((await parsed("merge", "a", "b", "c"))?.words, ["a", "b", "c"]);
  assertEquals((await parsed("score", "m", "--no-json"))?.given, { "json": false });
  assertEquals((await parsed("answer", "m", ""))?.words, ["m", ""]);
  // Of two --, npm's is the first; what follows the second is no option.
  assertEquals((await parsed("score", "--", "--", "--json"))?.words, ["--json"]);
});

Deno.test("parse() prints a command's help at the terminal's width, and gives nothing to run", async () => {
  const io = captureIo(50), cliffy = await loadCliffy();
  assertEquals(await parse(cliffy, PROGRAM, ["score", "-h"], io), undefined);
  assertEquals(io.outLines, [helpOf(PROGRAM, SCORE, 50)]);
  assertEquals(await parse(cliffy, PROGRAM, ["--version"], io), undefined);
  assertMatch(io.outLines[1]!, /^tool 1\ndeno .*\ncliffy .*$/);
});

Deno.test("parse() says which argument is missing or too much, and which command was meant", async () => {
  assertEquals(await refusal("score"), "tool score <model> [file] needs <model>; see --help");
  assertEquals(
    await refusal("score", "m", "f", "x"),
    'Unexpected argument "x": words that belong together need quotes; see --help',
  );
  assertEquals(await refusal("merge"), "tool merge <run>... needs <run>; see --help");
  const shells = "one of bash, zsh";
  assertEquals(await refusal("shell"), `tool shell <shell> needs <shell>, ${shells}; see --help`);
  assertEquals(await refusal("shell", "sh"), `<shell> must be ${shells}, got "sh"`);
  for (const words of [["shell", "zsh", "x"], ["report", "x"]]) {
    const message = 'Unexpected argument "x": every option begins with --; see --help';
    assertEquals(await refusal(...words), message);
  }
  assertEquals(await refusal("scroe", "m"), 'Unknown command "scroe". Did you mean "score"?');
  assertEquals(await refusal("repot", "m"), 'Unknown command "repot". Did you mean "report"?');
  assertEquals(
    await refusal("report", "--json"),
    'Unknown option "--json". Did you mean option "--help"?',
  );
  for (const words of [["--top-k="], ["--top-k", ""]]) {
    const message = "--top-k needs a value, but it is empty; see --help";
    assertEquals(await refusal("score", "m", ...words), message);
  }
  assertEquals(
    await refusal("score", "m", "--=x"),
    'Unexpected argument "--=x": every option begins with --; see --help',
  );
  for (const [word, meant] of [["-json", "json"], ["-topk=3", "top-k"], ["-help", "help"]]) {
    assertEquals(
      await refusal("score", "m", word!),
      `Unknown option "${word}". Did you mean option "--${meant}"?`,
    );
  }
  assertEquals(
    await refusal("score", "m", "-5.3"),
    'Unexpected argument "-5.3": every option begins with --; see --help',
  );
  assertEquals(
    await refusal("my text"),
    'Unexpected argument "my text": every option begins with --; see --help',
  );
});

Deno.test("completions() offers files for arguments that are no choice among words", () => {
  const bash = completions("bash", PROGRAM).split("\n").map((line) => line.trim());
  const flags = "--help --json --top-k";
  for (const pattern of ['"score score"', '"score "*']) {
    assertEquals(bash.filter((line) => line.startsWith(`${pattern})`)), [
      `${pattern}) values="${flags}" files=yes ;;`,
    ]);
  }
  assertEquals(bash.includes('"report report") values="--help" ;;'), true);
  const zsh = completions("zsh", PROGRAM);
  for (const spec of ["'1:model:_files'", "'2::file:_files'", "'*:run:_files'"]) {
    assertEquals(zsh.includes(spec), true, spec);
  }
  const fish = completions("fish", PROGRAM);
  assertEquals(fish.includes("'__fish_seen_subcommand_from score' -F -a ''"), true);
});
