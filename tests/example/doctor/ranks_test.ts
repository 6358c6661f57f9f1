// What the doctor says of ranks, in one process.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { doctorOf } from "../../../example/commands/doctor.ts";
import { Measured } from "../../../example/distributed/measured.ts";
import type { Finding } from "../../../example/doctor/finding.ts";
import {
  rankFindings,
  type RankMachine,
  sameFindings,
  stopsOfOthers,
} from "../../../example/doctor/ranks.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { atRank } from "../../../example/shared/io.ts";
import { formatPercent } from "../../../example/shared/format.ts";
import { Ranks } from "../../../example/shared/ranks.ts";
import { ranksInProcess } from "../../../kernels/mod.ts";
import { asHardware } from "../../support/as_hardware.ts";
import { captureIo } from "../../support/capture_io.ts";
import { exchanged } from "../../support/exchange.ts";
import { inFolder } from "../../support/folder.ts";
import { leaseGpu, leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

/** What all ranks find, which is the same, as lines. */
async function found(
  size: number,
  body: (ranks: Ranks, rank: number) => Promise<Finding[]>,
): Promise<string[]> {
  const all = await Promise.all(
    ranksInProcess(size).map((communicator, rank) => body(new Ranks(communicator), rank)),
  );
  const lines = all.map((findings) =>
    findings.map(({ grade, name, text, cure }) => `${grade} ${name}: ${text}; ${cure ?? ""}`)
  );
  for (const own of lines) assertEquals(own, lines[0]);
  return lines[0]!;
}

/** What is said of ranks on these machines. */
function said(machines: readonly Partial<RankMachine>[]): Promise<string[]> {
  const usual: RankMachine = { host: "a", cores: 8, software: false, devices: [] };
  return found(machines.length, (ranks, rank) => {
    return rankFindings({ ranks, library: "MPI" }, { ...usual, ...machines[rank] });
  });
}

Deno.test("rankFindings() warns of a single rank, of one core for a software adapter, and of a GPU for two ranks", async () => {
  const software = { software: true, cores: 4 };
  assertEquals(await said([software, { ...software, host: "b" }]), [
    "fine size: 2 on 2 machines, over MPI; ",
    "fine cores: 4 for each rank; ",
  ]);
  assertEquals(await said([software]), [
    "warn size: 1 on one machine, over MPI; start several by mpirun or srun (docs/distributed.md)",
    "fine cores: 4 for each rank; ",
  ]);
  const [, cores] = await said([software, { software: true, cores: 1 }, { cores: 1 }]);
  assertMatch(cores!, /^warn cores: one core for the software adapter of rank 1; mpirun --bind-to/);
  assertEquals(
    (await said([software, { ...software, cores: 8 }]))[1],
    "fine cores: 4 to 8 for each rank; ",
  );
  const devices = ["/dev/nvidia0"], other = ["/dev/nvidia1"];
  const [, , own] = await said([{ devices }, { devices: other }, { devices, host: "b" }]);
  assertEquals(own, "fine GPUs: each rank sees its own; ");
  const [, , shared] = await said([{ devices }, { devices: other }, { devices }]);
  assertMatch(shared!, /^warn GPUs: ranks 0, 2 see the same GPUs of their machine, .+; let each /);
});

Deno.test("sameFindings() and stopsOfOthers() stop a run of ranks that do not fit, and name them", async () => {
  const things = (rank: number) => [
    { what: "version", value: rank === 1 ? "2" : "1", hint: "install one" },
    { what: "text", value: "same", hint: "" },
    { what: "adapter", value: `${rank}`, hint: "use one" },
  ];
  assertEquals(await found(3, (ranks, rank) => sameFindings(ranks, things(rank))), [
    "stop same: Rank 1 has another version (2) than rank 0 (1): install one; ",
    "stop same: Rank 1 has another adapter (1) than rank 0 (0): use one; ",
  ]);
  assertEquals(await found(2, (ranks) => sameFindings(ranks, things(0))), [
    "fine same: all have the same version, text and adapter; ",
  ]);
  const finding: Finding = { subject: "data", name: "text", grade: "stop", text: "none" };
  const others = await Promise.all(
    ranksInProcess(2).map((own, rank) => {
      return stopsOfOthers(new Ranks(own), [{ ...finding, grade: rank === 1 ? "stop" : "fine" }]);
    }),
  );
  assertEquals(others[1], []);
  assertEquals(others[0], []); // it has this text itself
  const news = await Promise.all(
    ranksInProcess(2).map((own, rank) =>
      stopsOfOthers(new Ranks(own), rank === 1 ? [finding] : [])
    ),
  );
  assertEquals(news, [[{ ...finding, text: "rank 1: none" }], []]);
});

Deno.test("Measured passes everything on, and counts the bytes that go to other ranks", async () => {
  const size = 3, measured = ranksInProcess(size).map((own) => new Measured(own));
  const plain = await Promise.all(ranksInProcess(size).map(exchanged));
  assertEquals(await Promise.all(measured.map(exchanged)), plain);
  const counted = await Promise.all(
    ranksInProcess(size).map(async (own) => {
      const counting = new Measured(own);
      await counting.gather(new Float32Array(5));
      await counting.broadcast(new Float32Array(7));
      await counting.exchange([1, 2, 3].map((length) => new Uint32Array(length)));
      await counting.sum(new Float32Array(11)); // gathered
      await counting.sum(new Float32Array(30_000)); // a third is summed by each rank
      return counting.bytes;
    }),
  );
  const gathered = 4 * 5 * 2, broadcast = [4 * 7 * 2, 0, 0], exchangedTo = [5, 4, 3];
  const summed = 4 * 11 * 2 + 4 * (20_000 + 10_000 * 2);
  assertEquals(
    counted,
    [0, 1, 2].map((k) => gathered + broadcast[k]! + 4 * exchangedTo[k]! + summed),
  );
  for (const { ms } of measured) assert(ms > 0);
});

const TINY: Given = {
  ...{ "train": true, "distributed": true, "data": "synthetic:words=1000,vocab=100" },
  ...{ "emsize": "8", "nhid": "8", "nlayers": "1", "nce": true, "noise-ratio": "3" },
};

/** The doctor's findings, by ranks that may be given other options. */
async function examine(...given: readonly Given[]): Promise<Finding[]> {
  const io = captureIo(), all = given.map((own) => parseSettings({ ...TINY, ...own }));
  await Promise.all(
    ranksInProcess(all.length).map((communicator, rank) => {
      const fellows = { ranks: new Ranks(communicator), library: "MPI", host: "a" };
      const what = { settings: all[rank]!, io: atRank(io, rank), trialMs: 20, fellows };
      return doctorOf(what, true);
    }),
  );
  const { findings }: { findings: Finding[] } = JSON.parse(io.outLines[0]!);
  return findings;
}

/** The same, of ranks alone. */
async function examineRanks(...given: readonly Given[]): Promise<Finding[]> {
  return (await examine(...given)).filter(({ subject }) => subject === "ranks");
}

Deno.test("doctor --distributed measures the network, and what a step loses to it, with and without --sync-every", () =>
  inFolder(async () => {
    await using lease = await leaseGpu();
    const { software } = lease.gpu;
    for (const given of [{}, { "sync-every": "20" }]) {
      const findings = await examineRanks(given, given), step = findings.at(-1)!;
      assertEquals(
        findings.map(({ name }) => name),
        ["size", "cores", ...software ? [] : ["GPUs"], "same", "network", "step"],
      );
      const { stepMs, communicationMs, bytes } = step.figures!;
      assert(bytes! > 100 && communicationMs! > 0 && communicationMs! < stepMs!, step.text);
      const percent = formatPercent(communicationMs! / stepMs!);
      const what = "sync-every" in given ? "coming together" : "the other ranks";
      assertStringIncludes(step.text, ` ms (${percent}) go to ${what}; a rank sends `);
    }
    await assertRejects(() => examineRanks({}, { "lr": "0.5" }), Failure, "1 of these findings");
  }));

Deno.test("doctor --distributed says which ranks share a GPU", () =>
  inFolder(() =>
    asHardware(async () => {
      const gpus = (await examineRanks({}, {})).find(({ name }) => name === "GPUs");
      assertStringIncludes(gpus!.text, "ranks 0, 1 see the same GPUs of their machine");
    })
  ));

Deno.test("doctor tries a run with --shard-tables as its ranks would: each with its part of the tables", () =>
  inFolder(async () => {
    await using _lease = await leaseGpu();
    const memoryOf = async (given: Given) => {
      const findings = await examine(given, given);
      assertEquals(findings.at(-1)!.name, "step");
      assert(findings.some(({ name }) => name === "this run"));
      return findings.find(({ name }) => name === "tables")!.figures!["kept"]!;
    };
    const wide = { "data": "synthetic:words=1000,vocab=3000", "emsize": "64" };
    const [whole, part] = [await memoryOf(wide), await memoryOf({ ...wide, "shard-tables": true })];
    assert(part < 0.7 * whole, `${part} of ${whole} bytes`);
  }));
