// --resume: what a run goes on from, and that it ends as if it had never been stopped.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { changedOption } from "../../../example/options/unchanged.ts";
import type { Given } from "../../../example/options/option.ts";
import type { Settings } from "../../../example/options/options.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import type { CapturedIo } from "../../support/capture_io.ts";
import { type FinishedRun, finishedRun } from "../../support/finished_run.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { interrupt, training } from "../../support/interrupt.ts";
import { OPTIONS } from "../../support/options.ts";
import { CHECKPOINT, crashAt, finish, NCE } from "../../support/resumed.ts";
import { lastLine, TINY } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const undisturbedRuns = new Map<string, Promise<FinishedRun>>();

/** What an undisturbed run leaves, which is made once for the same settings. */
function undisturbed(given: Given): Promise<FinishedRun> {
  const key = JSON.stringify(parseSettings(given));
  const made = undisturbedRuns.get(key) ?? inFolder(async (folder) => {
    await finish(given);
    return await finishedRun(`${folder}/saved_model`);
  });
  undisturbedRuns.set(key, made);
  return made;
}

function resumesLine({ outLines }: CapturedIo): string {
  const lines = outLines.filter((line) => line.startsWith("resumes "));
  assertEquals(lines.length, 1);
  return lines[0]!;
}

Deno.test("run() --resume goes on from any place to the same bits, whatever is trained", async () => {
  const variants: readonly Given[] = [
    NCE,
    { ...NCE, "concat": true, "carry-state": true, "bptt": "9", "batch-size": "12", "audit": "5" },
    { ...NCE, "nce": false, "loss": "sampled", "noise": "batch+unigram", "warmup": "20" },
    { ...NCE, "index-module": "gru", "lr": "9", "norm-term": "learned" },
    { ...NCE, "optimizer": "adagrad", "lr": "0.1", "warmup": "9", "patience": "9" },
    { ...NCE, "table-dtype": "f16", "tied": true, "audit": "5" },
    { ...NCE, "table-dtype": "f16", "optimizer": "rowwise-adagrad", "lr": "0.1" },
    { ...NCE, "optimizer": "adam", "lr": "0.01", "audit": "5", "compute": "f16" },
  ];
  for (const given of variants) {
    const expected = await undisturbed({ ...given, "checkpoint-minutes": "10" });
    const every = { ...given, "checkpoint-minutes": "0" };
    await inFolder(async (folder) => {
      await crashAt("epoch 1/3 | batch 6/", { ...every, "log-interval": "1" });
      await crashAt("epoch 2/3 | batch", { ...given, "resume": true });
      const io = await crashAt("epoch 3/3", { ...given, "resume": true });
      assertEquals(resumesLine(io), `resumes     ${CHECKPOINT}: epoch 2, after 0 batches`);
      await finish({ ...given, "resume": true, "checkpoint-minutes": "10" });
      const found = await finishedRun(`${folder}/saved_model`);
      assertEquals(found.model, expected.model);
      assertEquals(found.checkpoint, expected.checkpoint);
    });
  }
});

Deno.test("a run that signals stop goes on with --resume, and its record has no line twice", async () => {
  const given = { "epochs": "3", "lr": "0.5", "checkpoint-minutes": "10" };
  const expected = await undisturbed({ ...TINY, "train": true, "nce": true, ...given });
  const stops = [["SIGTERM", "epoch 1/3 | batch 3/"], ["SIGINT", "epoch 2/3 | batch 6/"]] as const;
  await inFolder(async (folder) => {
    for (const [signal, mark] of stops) {
      const { code, lines } = await interrupt(
        training({ ...given, "resume": true }),
        mark,
        signal,
      );
      assertEquals(code, 0);
      assert(lines.includes(`checkpoint  ${CHECKPOINT}: --resume goes on from there`));
      assertMatch(lastLine(lines), /^test +ppl/);
    }
    const requeued = await interrupt(
      training({ ...given, "resume": true }),
      "epoch 3/3 | batch 3/",
      "SIGUSR2",
    );
    assertEquals(requeued.code, 0);
    assertEquals(requeued.errors.filter((line) => line.startsWith("stopping ")), [
      "stopping    another process can --resume the run; Ctrl-C once more, after this line, ends at once",
    ]);
    assertEquals(
      lastLine(requeued.lines),
      `checkpoint  ${CHECKPOINT}: --resume goes on from there`,
    );
    await finish({ ...TINY, "train": true, "nce": true, ...given, "resume": true });
    assertEquals(await finishedRun(`${folder}/saved_model`), expected);
  });
});

Deno.test("run() --resume starts anew, and says so, where there is no checkpoint", async () => {
  const expected = await undisturbed(NCE);
  await inFolder(async (folder) => {
    const io = await finish({ ...NCE, "resume": true });
    assertEquals(
      resumesLine(io),
      `resumes     nothing: there is no ${CHECKPOINT}, and training starts anew`,
    );
    assertEquals(await finishedRun(`${folder}/saved_model`), expected);
  });
});

Deno.test("run() --resume says that nothing is left to train, and tests; more epochs go on", async () => {
  const longer = await undisturbed({ ...NCE, "epochs": "4" });
  await inFolder(async (folder) => {
    const done = await finish(NCE), before = await finishedRun(`${folder}/saved_model`);
    const again = await finish({ ...NCE, "resume": true });
    assertEquals(
      resumesLine(again),
      `resumes     ${CHECKPOINT}: nothing is left to train, as 3 of 3 epochs are done`,
    );
    assertEquals(lastLine(again.outLines), lastLine(done.outLines));
    assertEquals(await finishedRun(`${folder}/saved_model`), before);
    await finish({ ...NCE, "resume": true, "epochs": "4" });
    const found = await finishedRun(`${folder}/saved_model`);
    assertEquals([found.model, found.checkpoint], [longer.model, longer.checkpoint]);
    assertEquals(found.record.slice(1), longer.record.slice(1));
  });
});

Deno.test("run() without --resume keeps the run before under another name, which can be resumed", async () => {
  const expected = await undisturbed(NCE);
  await inFolder(async (folder) => {
    await crashAt("epoch 3/3 | batch 3/", NCE);
    const model = Deno.readFileSync("saved_model/model.safetensors");
    const io = await finish({ ...NCE, "lr": "0.3", "epochs": "1" });
    assertEquals(io.outLines.filter((line) => /^(keeps|replaces) /.test(line)).length, 2);
    assertMatch(
      io.outLines.find((line) => line.startsWith("keeps "))!,
      /^keeps +saved_model\/model.previous.checkpoint.safetensors: the run before, /,
    );
    assertEquals(Deno.readFileSync("saved_model/model.previous.safetensors"), model);
    const previous = await finish({ ...NCE, "save": "model.previous", "resume": true });
    assertMatch(
      previous.errLines.at(-1)!,
      /^warning: saved_model\/model.previous.metrics.jsonl lacks lines/,
    );
    for (const name of namesIn("saved_model")) {
      if (!name.startsWith("model.previous.")) Deno.removeSync(`saved_model/${name}`);
    }
    for (const name of namesIn("saved_model")) {
      Deno.renameSync(`saved_model/${name}`, `saved_model/${name.replace(".previous", "")}`);
    }
    assertEquals((await finishedRun(`${folder}/saved_model`)).model, expected.model);
  });
});

Deno.test("changedOption() looks at every option that may not change, and at no other", () => {
  const settings = parseSettings({}), free: string[] = [];
  for (const { setting, name, mayChange } of OPTIONS) {
    if (!Object.hasOwn(settings, setting)) continue; // short for another, or not there yet
    const other = {
      ...settings,
      [setting]: settings[setting as keyof Settings] === true ? 1 : true,
    };
    const found = changedOption(other as Settings, settings);
    if (mayChange) free.push(name);
    if (mayChange) assertEquals(found, undefined, name);
    else assert(found?.includes(`--${name}`), name);
  }
  const expected =
    "audit autotune checkpoint-minutes config corpus-memory cuda data debug distributed " +
    "epochs evaluation log-interval max-minutes min-freq patience prof quiet rank-timeout " +
    "resume save shard-tables tb-name train verbose vocab";
  assertEquals(free.sort(), expected.split(" "));
});

Deno.test("an audit changes neither what is learned nor the rate of hits", () =>
  inFolder(async (folder) => {
    const given = { ...NCE, "epochs": "2" };
    const lines = async (more: Given) => {
      const { model, checkpoint, record } = await undisturbed({ ...given, ...more });
      return {
        model,
        checkpoint,
        train: record.filter((line) => line.includes('"train","epoch"')),
      };
    };
    assertEquals(await lines({ "audit": "5" }), await lines({}));
    assertEquals(namesIn(folder), []);
  }));

Deno.test("run() goes on without checkpoints where there is no room, and leaves no half file", async () => {
  const given = { "epochs": "2", "lr": "0.5" };
  const expected = await undisturbed({ ...TINY, "train": true, "nce": true, ...given });
  await inFolder(async (folder) => {
    // No file may grow over 40 KiB: room for the model, but not for a checkpoint with tensors.
    const limit = 'trap "" XFSZ; ulimit -f 40; exec "$@"';
    const { code, stderr } = await new Deno.Command("bash", {
      args: ["-c", limit, "bash", Deno.execPath(), ...training({ ...given, "resume": true })],
      stdin: "null",
    }).output();
    const warnings = new TextDecoder().decode(stderr).split("\n")
      .filter((line) => line.includes("the checkpoint before stays"));
    assertEquals(code, 0);
    assertEquals(warnings.length, 2);
    assertMatch(warnings[0]!, /^warning: Cannot write saved_model\/model.checkpoint.*too large/);
    for (const warning of warnings) assertMatch(warning, / go on from epoch 1, after 0 batches$/);
    const names = [
      "checkpoint.safetensors",
      "config.json",
      "freq.txt",
      "metrics.jsonl",
      "safetensors",
    ];
    assertEquals(namesIn("saved_model"), names.map((name) => `model.${name}`));
    await finish({ ...TINY, "train": true, "nce": true, ...given, "resume": true });
    const found = await finishedRun(`${folder}/saved_model`);
    assertEquals([found.model, found.record], [expected.model, expected.record]);
  });
});
