// The learning rate over a run, and what ends a run before its last epoch: --patience and --max-minutes.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { run } from "../../../example/commands/run.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { openCheckpoint } from "../../../example/storage/checkpoint.ts";
import { Schedule } from "../../../example/training/schedule.ts";
import { type CapturedIo, captureIo } from "../../support/capture_io.ts";
import { finishedRun } from "../../support/finished_run.ts";
import { inFolder } from "../../support/folder.ts";
import { events, lastLine, TINY } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const NCE: Given = { ...TINY, "train": true, "nce": true };

async function finish(given: Given): Promise<CapturedIo> {
  const io = captureIo();
  await run(parseSettings(given), io);
  return io;
}

/** The record's values of a field. */
function recorded(event: string, field: string): unknown[] {
  return events("model").filter((line) => line["event"] === event).map((line) => line[field]);
}

Deno.test("Schedule rises in a straight line, and decays to the least rate and no further", () => {
  const schedule = new Schedule({ lr: 8, warmup: 4, lrDecay: 3, minLr: 1 });
  assertEquals([0, 1, 2, 3, 4, 99].map((step) => schedule.at(step)), [2, 4, 6, 8, 8, 8]);
  const falling = Array.from({ length: 4 }, () => (schedule.decay(), schedule.at(9)));
  assertEquals(falling, [8 / 3, 8 / 9, 1, 1].map((rate) => Math.max(rate, 1)));
  assertEquals(schedule.at(0), 0.25);
  const still = new Schedule({ lr: 8, warmup: 0, lrDecay: 1, minLr: 1e-30 });
  still.decay();
  assertEquals([0, 1].map((step) => still.at(step)), [8, 8]);
});

Deno.test("the record has the optimizer, and the rate of each step from the warm-up to the least", () =>
  inFolder(async () => {
    const given = { "optimizer": "sgd", "lr": "4", "lr-decay": "8", "min-lr": "2", "warmup": "8" };
    await finish({ ...NCE, ...given, "epochs": "3", "log-interval": "1" });
    const [config] = recorded("start", "config") as { optimizer: string; warmup: number }[];
    assertEquals([config!.optimizer, config!.warmup], ["sgd", 8]);
    const epochs = recorded("train", "epoch"), rates = recorded("train", "lr");
    const validations = recorded("epoch", "validPpl") as number[];
    assertEquals(rates.slice(0, 9), [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4]);
    assert(validations[1]! >= validations[0]!, "the second epoch is no better");
    assertEquals([rates.at(-1), recorded("epoch", "lr")], [2, [4, 4, 2]]);
    // The words of a report are those of its epoch so far.
    const words = Map.groupBy(recorded("train", "tokens") as number[], (_, i) => epochs[i]);
    for (const [, own] of words) assertEquals(own, [...new Set(own)].sort((a, b) => a - b));
    assertEquals(new Set(words.values().map((own) => own.at(-1))).size, 1);
  }));

Deno.test("--patience ends training when epochs bring nothing, and a longer one goes on", async () => {
  const given = { ...NCE, "lr": "4", "lr-decay": "1", "epochs": "5" };
  const patient = await inFolder(async (folder) => {
    await finish({ ...given, "patience": "2" });
    return await finishedRun(`${folder}/saved_model`);
  });
  await inFolder(async (folder) => {
    const io = await finish({ ...given, "patience": "1" });
    const validations = recorded("epoch", "validPpl") as number[];
    // Each epoch but the last was the best so far.
    const best = validations.map((ppl, i) => validations.slice(0, i).every((p) => ppl < p));
    assertEquals(best, [...best.slice(1).map(() => true), false]);
    const line = `patience    ends training: epoch ${
      best.length - 1
    } was the best of ${best.length}`;
    assert(validations.length < 5 && io.outLines.includes(line), io.outLines.join("\n"));
    // Nothing of the last epoch would be lost, though its model was not kept.
    using checkpoint = openCheckpoint(parseSettings({ ...given, "patience": "1" }))!;
    const { epoch, batch } = checkpoint.state.position;
    assertEquals([epoch, batch], [best.length + 1, 0]);
    const again = await finish({ ...given, "patience": "1", "resume": true });
    assert(again.outLines.includes(line));
    assertEquals(lastLine(again.outLines), lastLine(io.outLines));
    await finish({ ...given, "patience": "2", "resume": true });
    const found = await finishedRun(`${folder}/saved_model`);
    assertEquals([found.model, found.checkpoint], [patient.model, patient.checkpoint]);
  });
});

Deno.test("--max-minutes ends training in good order, and a later run goes on", async () => {
  const given = { ...NCE, "epochs": "2" };
  const whole = await inFolder(async (folder) => {
    const io = await finish({ ...given, "max-minutes": "60" });
    assertEquals(io.errLines.filter((line) => line.startsWith("stopping")), []);
    return await finishedRun(`${folder}/saved_model`);
  });
  await inFolder(async (folder) => {
    // It would never end by itself.
    const io = await finish({ ...given, "max-minutes": "0", "epochs": "1000000" });
    assertEquals(io.errLines.filter((line) => line.startsWith("stopping")), [
      "stopping    --max-minutes 0 are over; the test follows; Ctrl-C ends at once",
    ]);
    const checkpoint = "saved_model/model.checkpoint.safetensors";
    assert(io.outLines.includes(`checkpoint  ${checkpoint}: --resume goes on from there`));
    assertMatch(lastLine(io.outLines), /^test +ppl \d/);
    await finish({ ...given, "resume": true });
    const found = await finishedRun(`${folder}/saved_model`);
    assertEquals([found.model, found.checkpoint], [whole.model, whole.checkpoint]);
  });
});
