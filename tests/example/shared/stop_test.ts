// Ctrl-C and its kind: the first signal ends a run in good order, a second one ends the process.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { stopAfter, type StopFlag, stopOnSignal } from "../../../example/shared/stop.ts";
import { findModel } from "../../../example/storage/open_model.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { interrupt, STOPPING, training } from "../../support/interrupt.ts";
import { lastLine, runTiny } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const MAIN = new URL("../../../main.ts", import.meta.url).href;
/** Signals with the exit code that a second one of each gives. */
const CODES = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const;
/** The signal of a batch system, and its code. */
const REQUEUE = ["SIGUSR2", Deno.build.os === "darwin" ? 159 : 140] as const;

Deno.test("main.ts ends training in good order when it is asked to stop", () =>
  inFolder(async () => {
    for (const [signal] of CODES) {
      const { code, lines, errors } = await interrupt(
        training({ epochs: "9999" }),
        "epoch 1/9999: ",
        signal,
      );
      assertEquals(code, 0, errors.join("\n"));
      assertEquals(errors.filter((line) => line === STOPPING).length, 1);
      assertMatch(lastLine(lines), /^test +ppl \d/);
      assertEquals(lastLine(await runTiny({})), lastLine(lines));
    }
  }));

Deno.test("main.ts leaves a checkpoint and a model, and tests it, when it is stopped in the first epoch", () =>
  inFolder(async () => {
    const given = { "data": "synthetic:words=200000,vocab=100", "save": "x", "log-interval": "1" };
    const { code, lines, errors } = await interrupt(
      training({ ...given }),
      "epoch 1/2 | batch 3/",
      "SIGINT",
    );
    assertEquals(code, 0, errors.join("\n"));
    assertEquals(namesIn("saved_model"), [
      "x.checkpoint.safetensors",
      "x.config.json",
      "x.freq.txt",
      "x.metrics.jsonl",
      "x.safetensors",
    ]);
    assert(
      lines.includes(
        "checkpoint  saved_model/x.checkpoint.safetensors: --resume goes on from there",
      ),
    );
    const tested =
      /^testing +saved_model\/x\.safetensors, the model as it is, as no epoch was completed \(valid ppl [\d.]+\)$/;
    assertEquals(lines.filter((line) => tested.test(line)).length, 1);
    assertMatch(lastLine(lines), /^test +ppl \d/);
    assertEquals(lastLine(await runTiny({ ...given })), lastLine(lines)); // the file is what was tested
    assert(findModel("x").card !== undefined, "--mode raw-best needs it");
  }));

Deno.test("a second signal really ends the process, with the code that tells of it", async () => {
  // Nothing else would end it.
  const code = `
    import { stopAfter, type StopFlag, stopOnSignal } from ${
    JSON.stringify(new URL("example/shared/stop.ts", MAIN).href)
  };
    import { consoleIo } from ${JSON.stringify(new URL("example/shared/io.ts", MAIN).href)};
    using stop = stopOnSignal(consoleIo());
    setInterval(() => {}, 1000);
    console.log("ready");
    await new Promise(() => {});
    console.log(stop.requested);`;
  for (const [i, [second, expected]] of CODES.entries()) {
    const [first] = CODES[(i + 1) % CODES.length]!;
    for (const before of [first, second]) {
      const { code: found, signal, lines, errors } = await interrupt(
        ["eval", code],
        "ready",
        before,
        second,
      );
      // Had the system ended it, a signal would be told.
      assertEquals({ found, signal, lines, errors }, {
        found: expected,
        signal: null,
        lines: ["ready"],
        errors: [STOPPING],
      });
    }
  }
});

Deno.test("main.ts ends at once at the second Ctrl-C, or the first in the test, with the best model kept", () => {
  const line = "a b c d e f g h\n";
  const files = { "train.txt": line.repeat(50), "valid.txt": line, "test.txt": line };
  return inFolder(async (data) => {
    const cases = [["9999", "epoch 1/9999: ", "SIGINT"], ["1", "testing ", undefined]] as const;
    for (const [epochs, mark, second] of cases) {
      Deno.writeTextFileSync(`${data}/test.txt`, line.repeat(200_000)); // it takes long
      const args = training({ data, epochs, save: mark.slice(0, 5) });
      const { code, lines, errors } = await interrupt(args, mark, "SIGINT", second);
      assertEquals(code, 130, errors.join("\n"));
      assertEquals(errors.filter((error) => error === STOPPING).length, second ? 1 : 0);
      assert(!lines.some((printed) => /^(words|normaliser|raw scores|test) /.test(printed)));
      Deno.writeTextFileSync(`${data}/test.txt`, line);
      assertMatch(lastLine(await runTiny({ data, save: mark.slice(0, 5) })), /^test +ppl \d/);
    }
  }, files);
});

Deno.test("stopOnSignal() listens to each signal until it is disposed of", () => {
  const io = captureIo(), codes: number[] = [];
  const listeners = new Map<Deno.Signal, () => void>();
  const add = Deno.addSignalListener, remove = Deno.removeSignalListener;
  Deno.addSignalListener = (signal, listener) => void listeners.set(signal, listener);
  Deno.removeSignalListener = (signal, listener) =>
    void (listeners.get(signal) === listener && listeners.delete(signal));
  try {
    {
      using stop = stopOnSignal(io, (code) => codes.push(code));
      assertEquals(stop.requested, false);
      const all = [...CODES, REQUEUE];
      assertEquals([...listeners.keys()], all.map(([signal]) => signal));
      listeners.get("SIGTERM")!();
      assertEquals([stop.requested, stop.requeued], [true, false]);
      assertEquals([codes, io.errLines], [[], [STOPPING]]);
      for (const screen of [io, io.error]) screen.live("a bar");
      for (const listener of listeners.values()) listener();
      assertEquals([io.liveLines.at(-1), io.errorLiveLines.at(-1)], ["", ""]);
      assertEquals(codes, all.map(([, code]) => code));
    }
    assertEquals(listeners.size, 0);
  } finally {
    Deno.addSignalListener = add;
    Deno.removeSignalListener = remove;
  }
  assertEquals(io.errLines, [STOPPING]);
});

Deno.test("stopAfter() stops after so many minutes, unless the run has stopped or ended before", () => {
  const { setTimeout, clearTimeout } = globalThis, timers = new Map<number, () => void>();
  const delays: unknown[] = [], io = captureIo();
  Object.assign(globalThis, {
    setTimeout: (end: () => void, ms: number) => timers.set(delays.push(ms), end).size,
    clearTimeout: (timer: number) => timers.delete(timer),
  });
  try {
    const stops = [false, true, false].map((requested): StopFlag => ({ requested }));
    const deadlines = stops.map((stop, i) => stopAfter(0.5 + i, stop, io));
    stopAfter(null, { requested: false }, io)[Symbol.dispose]();
    deadlines[2]![Symbol.dispose]();
    for (const end of timers.values()) end();
    assertEquals(stops.map(({ requested }) => requested), [true, true, false]);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
  assertEquals(delays, [30_000, 90_000, 150_000]);
  const said = "stopping    --max-minutes 0.5 are over; the test follows; Ctrl-C ends at once";
  assertEquals(io.errLines, [said]);
});
