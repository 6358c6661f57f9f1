/** Runs that stop somewhere, to be resumed. */

import { assertRejects } from "@std/assert";
import { run } from "../../example/commands/run.ts";
import type { Given } from "../../example/options/option.ts";
import { parseSettings } from "../../example/options/settings.ts";
import { type CapturedIo, captureIo } from "./capture_io.ts";
import { TINY } from "./tiny_run.ts";

/** The checkpoint of these runs. */
export const CHECKPOINT = "saved_model/model.checkpoint.safetensors";
/** It goes on to other bits if a deferred update is done too early, or a state or a moment is lost. */
export const NCE: Given = {
  ...{ ...TINY, "data": "synthetic:words=1100,vocab=100" },
  ...{ "train": true, "nce": true, "epochs": "3", "lr": "0.5" },
};

class Crash extends Error {}

/** Runs until a line begins with `mark`, and no further: it throws what nothing expects. */
export async function crashAt(mark: string, given: Given): Promise<CapturedIo> {
  const io = captureIo();
  const out = (line: string) => {
    io.out(line);
    if (line.startsWith(mark)) throw new Crash(mark);
  };
  await assertRejects(() => run(parseSettings(given), { ...io, out }), Crash);
  return io;
}

/** Runs to the end. */
export async function finish(given: Given): Promise<CapturedIo> {
  const io = captureIo();
  await run(parseSettings(given), io);
  return io;
}
