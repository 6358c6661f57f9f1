// Runs that are killed at random instants, many of them while they save: resumed, they end as if nothing had been.
// NCE_KILLS says how many kills, 10 unless given.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Given } from "../../../example/options/option.ts";
import { type FinishedRun, finishedRun } from "../../support/finished_run.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { linesOf, training } from "../../support/interrupt.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";
import { deno } from "../../support/process.ts";
import { runTiny } from "../../support/tiny_run.ts";

leaseToProgram();

const KILLS = Number(Deno.env.get("NCE_KILLS") ?? 10);
/** Part of the kills that may come while the run is still starting. */
const EARLY = 0.2;
/** Milliseconds within which a kill comes. */
const WITHIN = 1200;
/** Minutes between checkpoints: after each batch, or some. */
const MINUTES = ["0", "0.003"];

/** A run that gets better with each epoch. */
const SHORT: Given = { "data": "synthetic:words=1000,vocab=100", "lr": "1" };
/** What stands for a model. */
const OLDER = "an older model";

/** Runs that have all that a checkpoint keeps: carried states, deferred updates, audits, lr that falls. */
const RUNS: readonly Given[] = [
  {
    ...{ "data": "synthetic:words=1000,vocab=100", "epochs": "3", "lr": "0.5", "audit": "5" },
    ...{ "concat": true, "carry-state": true, "bptt": "15", "batch-size": "8" },
  },
  {
    ...{ "data": "synthetic:words=1000,vocab=100", "epochs": "3", "lr": "8", "lr-decay": "8" },
    ...{ "index-module": "gru", "batch-size": "10", "log-interval": "2" },
  },
];

/** One process of a run; says whether it was killed, and whether within a save, as an aimed kill should be. */
async function killed(
  args: readonly string[],
  folder: string,
  isAimed: boolean,
): Promise<"no" | "yes" | "saving"> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: folder,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let ended = false, timer: ReturnType<typeof setTimeout> | undefined;
  const kill = () => {
    if (!ended) child.kill("SIGKILL");
  };
  const saves = () => !ended && temporaryFiles(folder).length > 0;
  /** Looks again and again, as a save takes a few milliseconds. */
  const whenSaving = () => {
    if (ended || saves()) return kill();
    timer = setTimeout(whenSaving);
  };
  const start = () => timer ??= setTimeout(isAimed ? whenSaving : kill, WITHIN * Math.random());
  if (Math.random() < EARLY) start();
  const [lines, status] = await Promise.all([
    linesOf(child.stdout, (line) => line.startsWith("model ") && start()),
    child.status.then((status) => {
      ended = true;
      clearTimeout(timer);
      return status;
    }),
  ]);
  if (status.signal === null) assertEquals(status.code, 0, lines.join("\n"));
  else assertEquals(status.signal, "SIGKILL");
  if (status.signal === null) return "no";
  return temporaryFiles(folder).length > 0 ? "saving" : "yes";
}

/** A folder with a model that was there before. */
function folderWithModel(path: string): string {
  Deno.mkdirSync(`${path}/saved_model`, { recursive: true });
  Deno.writeTextFileSync(`${path}/saved_model/model.safetensors`, OLDER);
  return path;
}

/** The run without the options in its record that were not always the same. */
function timeless(run: FinishedRun): FinishedRun {
  const changed = /"(checkpointMinutes|epochs)":[^,}]+/g;
  return { ...run, record: run.record.map((line) => line.replace(changed, "")) };
}

function temporaryFiles(folder: string): string[] {
  try {
    return namesIn(`${folder}/saved_model`).filter((name) => name.endsWith(".tmp"));
  } catch {
    return []; // there is no folder yet
  }
}

Deno.test(`main.ts --resume ends with the same bits after ${KILLS} kills at random instants`, () =>
  inFolder(async (folder) => {
    let kills = 0, saving = 0;
    for (const [i, given] of RUNS.entries()) {
      const undisturbed = folderWithModel(`${folder}/undisturbed${i}`);
      const { code, err } = await deno(training({ ...given, "resume": true }), undisturbed);
      assertEquals(code, 0, err);
      const expected = timeless(await finishedRun(`${undisturbed}/saved_model`));
      const minutes = () => MINUTES[Math.floor(MINUTES.length * Math.random())]!;
      const args = () => training({ ...given, "resume": true, "checkpoint-minutes": minutes() });
      const most = Math.ceil(KILLS * (i + 1) / RUNS.length);
      for (let run = 0; kills < most; run++) {
        const own = folderWithModel(`${folder}/run${i}.${run}`);
        for (;;) {
          if (kills >= most) {
            const rest = await deno(args(), own);
            assertEquals(rest.code, 0, rest.err);
            break;
          }
          const how = await killed(args(), own, kills % 2 === 0);
          if (how === "no") break;
          kills++;
          if (how === "saving") saving++;
        }
        const found = await finishedRun(`${own}/saved_model`);
        const previous = Deno.readTextFileSync(`${own}/saved_model/model.previous.safetensors`);
        assertEquals(previous, OLDER);
        assertEquals(timeless(found), expected);
      }
    }
    assert(kills >= KILLS && saving >= kills / 5, `${saving} of ${kills} kills while saving`);
    console.log(`${kills} kills, ${saving} of them while saving`);
  }));

const CONFIG = new URL("../../../deno.json", import.meta.url);
const MODULE = (path: string) => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href);

/** The program, which is killed when a file is about to get its name for the nth time. */
function killedAtRename(n: number, args: readonly string[]): string[] {
  const code = `
    import { main } from ${MODULE("example/cli/main.ts")};
    import { consoleIo } from ${MODULE("example/shared/io.ts")};
    const rename = Deno.renameSync;
    let left = ${n};
    Deno.renameSync = (...names) => {
      if (--left === 0) Deno.kill(Deno.pid, "SIGKILL");
      rename(...names);
    };
    Deno.exit(await main(${JSON.stringify(args)}, consoleIo()));`;
  return ["eval", "--no-check", `--config=${fromFileUrl(CONFIG)}`, code];
}

Deno.test("main.ts --resume ends with the same bits wherever a file is about to get its name", () =>
  inFolder(async (folder) => {
    const given = { ...SHORT, "epochs": "2", "resume": true };
    const args = training(given), options = args.slice(args.indexOf("--train"));
    folderWithModel(folder);
    await runTiny({ "train": true, "nce": true, ...given });
    const expected = timeless(await finishedRun(`${folder}/saved_model`));
    let kills = 0;
    for (;; kills++) {
      const own = folderWithModel(`${folder}/run${kills}`);
      const { code } = await deno(killedAtRename(kills + 1, options), own);
      if (code === 0) break;
      assertEquals(code, 128 + 9);
      Deno.chdir(own);
      // It can be tested before it is trained further: the best model is the one that the checkpoint knows.
      for (const epochs of ["1", "2"]) {
        await runTiny({ "train": true, "nce": true, ...given, epochs });
      }
      assertEquals(timeless(await finishedRun(`${own}/saved_model`)), expected, `${kills}`);
      const previous = Deno.readTextFileSync(`${own}/saved_model/model.previous.safetensors`);
      assertEquals(previous, OLDER);
    }
    assert(kills >= 7, `${kills} files`); // counts, the start, and of each epoch checkpoint and model
  }));
