// Random ranks that are killed at random instants: all end, and the run goes on as if nothing had been.
// NCE_KILLS says how many kills, 1 unless given.

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { finishedRun } from "../../support/finished_run.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { DENO, installed, shell } from "../../support/mpirun.ts";

const KILLS = Number(Deno.env.get("NCE_KILLS") ?? 1);
const RANKS = 3;
/** Milliseconds after the start of training within which a kill comes. */
const WITHIN = 3000;
const MAIN = fromFileUrl(new URL("../../../main.ts", import.meta.url));
const PROGRAM = `${DENO} ${MAIN} --train --distributed --resume --nce --noise-ratio 5 --quiet ` +
  "--data synthetic:words=1000,vocab=100 --emsize 8 --nhid 8 --epochs 4 --checkpoint-minutes 0 " +
  "--no-autotune"; // runs in several folders, each of which would time a GPU for itself
const [LAUNCHER] = await installed();

/** Starts the ranks in a folder, kills one unless they end before; whether it was killed. */
async function killed(folder: string): Promise<boolean> {
  const rank = Math.floor(RANKS * Math.random()), wait = (WITHIN * Math.random() / 1000).toFixed(3);
  Deno.writeTextFileSync(
    `${folder}/rank.sh`,
    `echo $$ > pid$OMPI_COMM_WORLD_RANK$PMI_RANK; exec ${PROGRAM}`,
  );
  const kill = `until [ -s pid${rank} ] && [ -f saved_model/model.checkpoint.safetensors ]; do ` +
    `sleep 0.05; done; sleep ${wait}; kill -9 $(cat pid${rank}) 2> /dev/null && touch killed`;
  const { code, err } = await shell(
    `rm -f pid* killed; (${kill}) & killer=$!; ${
      LAUNCHER!.words
    } -n ${RANKS} bash rank.sh; code=$?; ` +
      "kill $killer 2> /dev/null; wait $killer; exit $code",
    folder,
  );
  const wasKilled = namesIn(folder).includes("killed") && code !== 0;
  if (!wasKilled) assertEquals(code, 0, err);
  return wasKilled;
}

Deno.test({
  name: `main.ts --distributed --resume ends with the same bits after ${KILLS} kills of a rank`,
  ignore: LAUNCHER === undefined,
  fn: () =>
    inFolder(async (folder) => {
      Deno.mkdirSync(`${folder}/undisturbed`);
      const ranks = `${LAUNCHER!.words} -n ${RANKS} ${PROGRAM}`;
      const { code, err } = await shell(ranks, `${folder}/undisturbed`);
      assertEquals(code, 0, err);
      const expected = await finishedRun(`${folder}/undisturbed/saved_model`);
      for (let kills = 0, run = 0; kills < KILLS; run++) {
        const own = `${folder}/run${run}`;
        Deno.mkdirSync(own);
        while (kills < KILLS && await killed(own)) kills++;
        const rest = await shell(ranks, own);
        assertEquals(rest.code, 0, rest.err);
        assertEquals(await finishedRun(`${own}/saved_model`), expected);
      }
    }),
});
