// Ranks over MPI, by each launcher that is installed (apt-get install openmpi-bin mpich).

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Given } from "../../../example/options/option.ts";
import { ranksInProcess } from "../../../kernels/mod.ts";
import { exchanged } from "../../support/exchange.ts";
import { finishedRun } from "../../support/finished_run.ts";
import { inFolder } from "../../support/folder.ts";
import { DENO, installed, LAUNCHERS, mpirun, shell } from "../../support/mpirun.ts";
import { wordsOf } from "../../support/options.ts";
import { trainTogether } from "../../support/together.ts";
import { deno } from "../../support/process.ts";

const RANK = fromFileUrl(new URL("../../support/mpi_rank.ts", import.meta.url));
const MAIN = fromFileUrl(new URL("../../../main.ts", import.meta.url));
const FOUND = await installed();
const MISSING = LAUNCHERS.filter((launcher) => !FOUND.includes(launcher)).map(({ name }) => name);
if (MISSING.length > 0) console.log(`skipped, as it is not installed: ${MISSING.join(", ")}`);

const GIVEN: Given = {
  ...{ "distributed": true, "data": "synthetic:words=1000,vocab=100", "emsize": "8", "nhid": "8" },
  ...{ "loss": "nce", "noise-ratio": "5", "per-word": true },
};
/** To compare with ranks in one process, which have the fixed tuning. */
const SHORT: Given = { "epochs": "2", "quiet": true, "autotune": false };
const TRAINING = training({ ...GIVEN, ...SHORT });

/** The words of a training's command line. */
function training(given: Given): string {
  return ["--train", ...wordsOf(given)].join(" ");
}

/** Lines that the program has printed, not the launcher. */
function errorsIn(err: string): string[] {
  return err.split("\n").filter((line) => line.startsWith("error: "));
}

for (const launcher of FOUND) {
  Deno.test(`${launcher.name} exchanges what ranks in one process do, to the last bit`, async () => {
    const { code, out, err } = await mpirun(launcher, 3, `${RANK} exchange`);
    assertEquals(code, 0, err);
    const expected = await Promise.all(ranksInProcess(3).map(exchanged));
    const text = (found: unknown) => JSON.stringify(found);
    assertEquals(out.trim().split("\n").sort(), expected.map(text).sort());
  });
}

for (const launcher of FOUND.filter(({ name }) => !name.includes("TCP"))) {
  Deno.test(`${launcher.name} ends all ranks when one is killed, hangs, fails or is refused a call, and the line names it`, async () => {
    const killed = await mpirun(launcher, 3, `${RANK} kill`);
    assert(killed.code !== 0);
    const hung = await mpirun(launcher, 3, `${RANK} hang 1`);
    assert(hung.code !== 0);
    assertEquals(errorsIn(hung.err).length, 1, hung.err);
    assertMatch(
      errorsIn(hung.err)[0]!,
      /^error: rank 1 has not answered for 1 s: hung, cut off or /,
    );
    const failed = await mpirun(launcher, 3, `${RANK} fail`);
    assert(failed.code !== 0);
    assertEquals(errorsIn(failed.err), ["error: rank 1: no memory for a tensor"]);
    const large = await mpirun(launcher, 3, `${RANK} large`);
    assert(large.code !== 0);
    assertMatch(errorsIn(large.err).join("\n"), /^error: rank 1: Cannot send 4294967300 bytes .+$/);
    const lengths = await mpirun(launcher, 3, `${RANK} lengths`);
    assert(lengths.code !== 0);
    assertMatch(
      errorsIn(lengths.err).join("\n"),
      /^error: rank [12]: MPI cannot wait for other ranks: .+$/,
    );
    const busy = await mpirun(launcher, 3, `${RANK} busy`);
    assert(busy.code !== 0);
    assertEquals(errorsIn(busy.err), [
      "error: rank 1: Cannot gather: a call to gather is not over",
    ]);
  });

  Deno.test(`main.ts --distributed writes by ${launcher.name} the bits of ranks in one process`, () =>
    inFolder(async (folder) => {
      await trainTogether({ ...GIVEN, ...SHORT }, 2);
      const expected = await finishedRun(`${folder}/saved_model`);
      Deno.mkdirSync(`${folder}/own`);
      const { code, err } = await mpirun(launcher, 2, `${MAIN} ${TRAINING}`, `${folder}/own`);
      assertEquals(code, 0, err);
      assertEquals(await finishedRun(`${folder}/own/saved_model`), expected);
    }));
}

Deno.test({
  name: "main.ts --distributed --shard-tables writes over MPI the bits of ranks in one process",
  ignore: FOUND.length === 0,
  fn: () =>
    inFolder(async (folder) => {
      const given = { ...GIVEN, ...SHORT, "shard-tables": true, "epochs": "1" };
      await trainTogether(given, 2);
      const expected = await finishedRun(`${folder}/saved_model`);
      Deno.mkdirSync(`${folder}/own`);
      const { code, err } = await mpirun(
        FOUND[0]!,
        2,
        `${MAIN} ${training(given)}`,
        `${folder}/own`,
      );
      assertEquals(code, 0, err);
      assertEquals(await finishedRun(`${folder}/own/saved_model`), expected);
      const tested = `${MAIN} --distributed --shard-tables --no-autotune --data ${
        GIVEN["data"]
      } --quiet`;
      const { code: again, out, err: why } = await mpirun(FOUND[0]!, 2, tested, `${folder}/own`);
      assertEquals(again, 0, why);
      const { ppl } = JSON.parse(expected.record.at(-1)!);
      assertMatch(out, new RegExp(`test {8}ppl ${ppl.toFixed(2)}`));
    }),
});

Deno.test({
  name:
    "main.ts --distributed says in one line what is wrong with the text or with one rank's options",
  ignore: FOUND.length === 0,
  fn: () =>
    inFolder(async (folder) => {
      const noText = TRAINING.replace(/synthetic\S+/, "/no/such/folder");
      const usage = await mpirun(FOUND[0]!, 2, `${MAIN} ${noText}`, folder);
      assertEquals(usage.code, 2, usage.err);
      assertEquals(errorsIn(usage.err).length, 1, usage.err);
      assertMatch(
        usage.err,
        /^error: Cannot read --data \/no\/such\/folder: there is no such folder/m,
      );
      const program = `${MAIN} ${TRAINING}`,
        other = `${program} : -n 1 ${DENO} ${program} --lr 0.3`;
      assertEquals(errorsIn((await mpirun(FOUND[0]!, 1, other, folder)).err), [
        "error: Rank 1 has another settings than rank 0: start all with the same options",
      ]);
    }),
});

Deno.test("main.ts --distributed names the library or the permission that it lacks", () =>
  inFolder(async (folder) => {
    const run = `run --no-prompt --allow-read --allow-write ${MAIN} ${TRAINING}`;
    const { code, err } = await deno(run.split(" "), folder);
    assertEquals(code, 2);
    assertMatch(err, /^error: May not call MPI: start each rank by deno run --allow-ffi [^\n]+\n$/);
    const program = `${DENO} ${MAIN} ${TRAINING}`;
    const without = await shell(`NCE_MPI_LIBRARY=/no/libmpi.so ${program}`, folder);
    assertEquals(without.code, 1);
    assertMatch(without.err, /^error: Cannot load NCE_MPI_LIBRARY=\/no\/libmpi.so: [^\n]+\n$/);
  }));

Deno.test({
  name: "main.ts --distributed refuses a launcher that does not belong to the library",
  ignore: !FOUND.some(({ name }) => name === "Open MPI"),
  fn: () =>
    inFolder(async (folder) => {
      const variables = "PMI_SIZE=2 PMI_RANK=0 NCE_MPI_LIBRARY=libmpi.so.40";
      const { code, err } = await shell(`${variables} ${DENO} ${MAIN} ${TRAINING}`, folder);
      assertEquals(code, 1);
      assertEquals(
        err,
        "error: MPICH's mpirun started 2 ranks, but libmpi.so.40 (Open MPI) finds 1: they do not " +
          "belong together; install mpich, or start it with the library's own mpirun, or name the " +
          "library by NCE_MPI_LIBRARY\n",
      );
    }),
});

Deno.test({
  name: "SIGUSR2 to any rank stops all at the same step, and other ranks go on with --resume",
  ignore: FOUND.length === 0,
  fn: () =>
    inFolder(async (folder) => {
      const program = `${MAIN} ${training(GIVEN)}`;
      Deno.writeTextFileSync(
        `${folder}/rank.sh`,
        `echo $$ > "rank$OMPI_COMM_WORLD_RANK$PMI_RANK"; exec ${DENO} ${program} "$@"`,
      );
      const whenTrained = 'until grep -q \'"event":"epoch"\' saved_model/model.metrics.jsonl; do ' +
        "sleep 0.1; done 2> /dev/null; kill -USR2 $(cat rank1)";
      const ranks = `${FOUND[0]!.words} -n 2 bash rank.sh --epochs 1000000`;
      // Where the ranks fail, nobody is left to wait.
      const stopped = await shell(
        `(${whenTrained}) & waiting=$!; ${ranks}; code=$?; kill $waiting 2> /dev/null; exit $code`,
        folder,
      );
      assertEquals(stopped.code, 0, stopped.err);
      assertEquals(stopped.err.trim().split("\n"), [
        "stopping    another process can --resume the run; Ctrl-C once more, after this line, ends at once",
      ]);
      assertMatch(
        stopped.out,
        /checkpoint {2}saved_model\/model.checkpoint.safetensors: --resume goes on/,
      );
      const more = await mpirun(FOUND[0]!, 3, `${program} --resume --epochs 1`, folder);
      assertEquals(more.code, 0, more.err);
      assertMatch(
        more.out,
        /resumes {5}saved_model\/model.checkpoint.safetensors: .+\n(?:.+\n)*test {8}/,
      );
    }),
});
