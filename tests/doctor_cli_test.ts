// nce doctor as a process: exit codes, both forms of output, and the configuration file of a run.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { inFolder, namesIn } from "./support/folder.ts";
import { FILES } from "./support/good_text.ts";
import { deno, type Outcome } from "./support/process.ts";

const MAIN = new URL("../main.ts", import.meta.url).href;
const FLAGS = ["--allow-read", "--allow-write", "--allow-env=XDG_RUNTIME_DIR,LP_NUM_THREADS"];
const TINY = ["--emsize", "4", "--nhid", "4", "--nlayers", "1", "--epochs", "1"];

const doctor = (...args: string[]): Promise<Outcome> =>
  deno(["run", "--no-prompt", ...FLAGS, MAIN, "doctor", ...args], Deno.cwd());

Deno.test("nce doctor ends with 0 if the run may start, and writes nothing", () =>
  inFolder(async () => {
    Deno.writeTextFileSync(
      "run.json",
      JSON.stringify({ data: ".", loss: "nce", "noise-ratio": 3 }),
    );
    const { code, out, err } = await doctor("--config", "run.json", "--quiet", ...TINY);
    assertEquals({ code, err }, { code: 0, err: "" });
    assertMatch(out, /^data\n {2}warn {2}size /);
    assertMatch(out, /\nthis run can start: 0 to stop it, \d+ to look at, \d+ fine\n$/);
    assertEquals(namesIn("."), ["run.json", "test.txt", "train.txt", "valid.txt"]);
  }, FILES));

Deno.test("nce doctor ends with 1 if the run would be refused, and with 2 if it is called wrongly", () =>
  inFolder(async () => {
    const { code, out, err } = await doctor("--data", "none", "--json");
    assertEquals({ code, err }, {
      code: 1,
      err: "error: 1 of these findings would stop the run\n",
    });
    const { stop, findings } = JSON.parse(out);
    assertEquals([stop, findings[0].grade, findings[0].name], [1, "stop", "folder"]);
    assertStringIncludes(findings[0].cure, "train.txt, valid.txt and test.txt");
    const wrong = await doctor("--unique", "--loss", "nce");
    assertEquals(wrong.code, 2);
    assertMatch(wrong.err, /^error: --unique has no effect with --loss nce: leave it out\n$/);
  }));
