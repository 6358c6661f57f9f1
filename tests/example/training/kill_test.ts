// Runs that are killed at random instants, many of them while they save: resumed, they end as if nothing had been.
// NCE_KILLS says how many kills, 10 unless given.

import { assert, assertEquals } from "@std/assert";
import type { Given } from "../../../example/options/settings.ts";
import { finishedRun } from "../../support/finished_run.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { linesOf, training } from "../../support/interrupt.ts";
import { deno } from "../../support/process.ts";

const KILLS = Number(Deno.env.get("NCE_KILLS") ?? 10);
/** Part of the kills that wait for a save to begin. */
const AIMED = 0.5;
/** Part of them that may come while the run is still starting. */
const EARLY = 0.2;
/** Milliseconds within which a kill comes. */
const WITHIN = 1200;
/** Minutes between checkpoints: after each batch, or some. */
const MINUTES = ["0", "0.003"];

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

/** One process of a run; says whether it was killed, and whether within a save. */
async function killed(args: readonly string[], folder: string): Promise<"no" | "yes" | "saving"> {
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
  const isAimed = Math.random() < AIMED;
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
      const undisturbed = `${folder}/undisturbed${i}`;
      Deno.mkdirSync(undisturbed);
      const { code, err } = await deno(training({ ...given, "resume": true }), undisturbed);
      assertEquals(code, 0, err);
      const expected = await finishedRun(`${undisturbed}/saved_model`);
      const minutes = () => MINUTES[Math.floor(MINUTES.length * Math.random())]!;
      const args = () => training({ ...given, "resume": true, "checkpoint-minutes": minutes() });
      const most = Math.ceil(KILLS * (i + 1) / RUNS.length);
      for (let run = 0; kills < most; run++) {
        const own = `${folder}/run${i}.${run}`;
        Deno.mkdirSync(own);
        for (;;) {
          if (kills >= most) {
            const rest = await deno(args(), own);
            assertEquals(rest.code, 0, rest.err);
            break;
          }
          const how = await killed(args(), own);
          if (how === "no") break;
          kills++;
          if (how === "saving") saving++;
        }
        const found = await finishedRun(`${own}/saved_model`);
        const config = /"checkpointMinutes":[^,}]+/;
        assertEquals(
          found.record.map((line) => line.replace(config, "")),
          expected.record.map((line) => line.replace(config, "")),
        );
        assertEquals({ ...found, record: [] }, { ...expected, record: [] });
      }
    }
    assert(kills >= KILLS && saving >= kills / 5, `${saving} of ${kills} kills while saving`);
    console.log(`${kills} kills, ${saving} of them while saving`);
  }));
