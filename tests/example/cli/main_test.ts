/** What main() makes of settings, failures and faults: lines and exit codes. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { deno, type Outcome } from "../../support/process.ts";

const ROOT = new URL("../../../", import.meta.url);
/** A test of a text: without one, the model's own is looked for. */
const TEST = ["--data=x"];

/** Runs `main()` with a body in the place of `run()` that needs no GPU. */
async function mainWith(args: readonly string[], body: string): Promise<Outcome> {
  const code = `
    import { main } from ${JSON.stringify(new URL("example/cli/main.ts", ROOT).href)};
    import { consoleIo } from ${JSON.stringify(new URL("example/shared/io.ts", ROOT).href)};
    import { Failure } from ${JSON.stringify(new URL("example/shared/errors.ts", ROOT).href)};
    async function run(settings, io) { ${body}; void Failure; }
    Deno.exit(await main(${JSON.stringify(args)}, consoleIo(), run));`;
  return await deno(["eval", code], fromFileUrl(ROOT));
}

Deno.test("main() hands the settings on and gives 0 when the run succeeds", async () => {
  const body = "io.out(settings.loss + settings.minFreq + settings.carryState)";
  const args = ["--train", "--nce", "--data=x", "--min-freq=7", "--concat", "--carry-state"];
  assertEquals(await mainWith(args, body), { code: 0, out: "nce7true\n", err: "" });
});

Deno.test("main() prints a failure as one line and gives 1 when the run fails", async () => {
  const body = 'throw new Failure("Cannot read data/x:\\n  no such folder")';
  const failed = await mainWith(TEST, body);
  assertEquals(failed, { code: 1, out: "", err: "error: Cannot read data/x: no such folder\n" });
  const broken = await mainWith(TEST, 'throw new RangeError("Index is 7")');
  assertEquals(broken, { code: 1, out: "", err: "error: Index is 7; --debug shows where\n" });
});

Deno.test("main() prints the first error, not those of the blocks that it ended", async () => {
  const body = `using first = { [Symbol.dispose]() { throw new Error("the third") } };
    using second = { [Symbol.dispose]() { throw new Error("the second") } };
    throw new Failure("the first")`;
  assertEquals(await mainWith(TEST, body), { code: 1, out: "", err: "error: the first\n" });
  const { err } = await mainWith([...TEST, "--debug"], body);
  assertMatch(err, /^error: Failure: the first\n +at run /);
});

Deno.test("main() offers a stack for its own faults, not for the machine's or the files'", async () => {
  const errors = [
    'new DeviceError("out of memory")',
    'new NoAdapterError("No WebGPU adapter found")',
    'new Deno.errors.PermissionDenied("no")',
    'Object.assign(new Error("No space left on device"), { code: "ENOSPC" })',
  ];
  for (const error of errors) {
    const body = `const { DeviceError, NoAdapterError } = await import("./mod.ts");
      void DeviceError, void NoAdapterError; throw ${error};`;
    const { code, out, err } = await mainWith(TEST, body);
    assertEquals({ code, out }, { code: 1, out: "" });
    assertMatch(err, /^error: [^\n]+\n$/);
    assert(!err.includes("--debug"), err);
  }
});

Deno.test("main() ends quietly when nobody reads any longer", async () => {
  const broken = await mainWith(
    TEST,
    'throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)")',
  );
  assertEquals(broken, { code: 1, out: "", err: "" });
});

Deno.test("main() tells a test which options it has no use for", async () => {
  assertEquals(await mainWith([...TEST, "--nce", "--cuda", "--noise-ratio", "500"], ""), {
    code: 0,
    out: "",
    err: "warning: no effect without --train; a saved model keeps its own: --nce, --noise-ratio\n",
  });
  assertEquals(await mainWith(["--train", "--nce", "--cuda", "--noise-ratio", "500"], ""), {
    code: 0,
    out: "",
    err: "",
  });
});

Deno.test("main() prints stacks and causes when --debug is given", async () => {
  const body = 'throw new Failure("Cannot go on", { cause: new Error("the reason") })';
  const { code, err } = await mainWith([...TEST, "--debug"], body);
  assertEquals(code, 1);
  assertMatch(err, /^error: Failure: Cannot go on\n +at run .*\nCaused by: Error: the reason\n/s);
});
