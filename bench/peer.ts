/**
 * Training speed next to PyTorch's (pytorch.py): the same model on the same kind of text, in alternation:
 * `deno run -A bench/peer.ts [--json] [rounds] [seconds]`. The environment's PYTHON names the interpreter.
 */

import { openGpu } from "../example/storage/open_gpu.ts";
import { adapterLine } from "../example/shared/adapter.ts";
import type { Given } from "../example/options/option.ts";
import { Failure } from "../example/shared/errors.ts";
import type { Gpu } from "../mod.ts";
import { runProgram } from "../example/shared/program.ts";
import { roundsAndSeconds } from "./program.ts";
import { deviceArguments, type PeerReport, runPython, Twin } from "./python.ts";
import { formatTable, type Table } from "./table.ts";
import { median, secondsInLoop, warmUp } from "./timing.ts";
import { Workload, type WorkloadOptions } from "./workload.ts";

/** Two models that differ only in their loss. */
interface Size extends WorkloadOptions {
  readonly name: string;
  /** Options that only affect nce. */
  readonly givenToNce?: Given;
}

const SIZES: readonly Size[] = [
  // About the default batch of the Penn Treebank: 20 sentences of mean length in rows of 35 words.
  { name: "Penn defaults, k = 50", vocabSize: 10_001, rows: 12, given: {} },
  {
    name: "LSTM 1 x 300, V = 30,000, k = 500",
    vocabSize: 30_000,
    rows: 96,
    given: {
      "emsize": "300",
      "nhid": "300",
      "nlayers": "1",
      "dropout": "0",
      "lr": "2",
    },
    givenToNce: { "noise-ratio": "500" },
  },
];

const LOSSES = ["nce", "full"] as const;

/** One model in both programs. */
interface Contest {
  readonly size: string;
  readonly loss: typeof LOSSES[number];
  readonly ours: Workload;
  /** PyTorch's model, in a process of its own that waits meanwhile. */
  readonly peer: Twin;
  /** Our tokens per second, round by round. */
  readonly rates: number[];
  /** What pytorch.py reported, round by round. */
  readonly reports: PeerReport[];
}

/** Runs pytorch.py. */
function runPeer(args: readonly string[], seconds: number): Promise<PeerReport> {
  return runPython("pytorch.py", [...args, "--seconds", String(seconds)]);
}

/** Arguments that make pytorch.py train what `workload` trains. */
function peerArguments({ settings }: Workload, { vocabSize, rows }: WorkloadOptions): string[] {
  const { loss, emsize, nhid, nlayers, dropout, bptt, noiseRatio, lr } = settings;
  const options = {
    loss,
    emsize,
    nhid,
    nlayers,
    dropout,
    bptt,
    lr,
    "noise-ratio": noiseRatio,
    "vocab-size": vocabSize,
    "batch-size": rows,
  };
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

async function measureOurs(gpu: Gpu, workload: Workload, seconds: number): Promise<number> {
  const rate = workload.tokens / await secondsInLoop(gpu, () => workload.step(), seconds);
  const loss = await workload.loss();
  if (!Number.isFinite(loss)) throw new Failure(`Our loss is ${loss}: the figure means nothing`);
  return rate;
}

/** Tokens per second of both programs, and their ratio. */
function speedTable(contests: readonly Contest[]): Table {
  return {
    title: "Training, tokens a second",
    rows: contests.map((contest) => {
      const { size, loss, rates, reports } = contest, { torch, device, threads } = reports[0]!;
      return {
        "setting": `${size}, ${loss}`,
        "ours": median(rates),
        "PyTorch": median(peerRates(contest)),
        "ours / PyTorch": ratio(rates, peerRates(contest)),
        "PyTorch on": `${torch}, ${device}, threads: ${threads}`,
      };
    }),
    notes: [
      "Medians over the rounds; ratios are medians of each round's. PyTorch keeps its memory " +
      "(glibc's MALLOC_TRIM_THRESHOLD_ and the like).",
    ],
  };
}

/** Speed-up of nce over the exact loss, at each size. */
function gainTable(contests: readonly Contest[]): Table {
  return {
    title: "nce over full",
    rows: SIZES.map(({ name }) => {
      const find = (wanted: Contest["loss"]) =>
        contests.find(({ size, loss }) => size === name && loss === wanted)!;
      const nce = find("nce"), full = find("full");
      return {
        size: name,
        ours: ratio(nce.rates, full.rates),
        PyTorch: ratio(peerRates(nce), peerRates(full)),
      };
    }),
  };
}

function peerRates({ reports }: Contest): number[] {
  return reports.map(({ tokensPerSecond }) => tokensPerSecond);
}

/** Median of the ratios round by round. */
function ratio(over: readonly number[], under: readonly number[]): number {
  return median(over.map((value, round) => value / under[round]!));
}

/** Tells on standard error, at once, what takes how long: a run that is cut short keeps its figures. */
function tell(text: string): void {
  console.error(`[${(performance.now() / 1000).toFixed(1).padStart(6)} s] ${text}`);
}

/** Makes both programs' models, and compiles what they need. */
async function prepare(gpu: Gpu, made: AsyncDisposableStack, seconds: number) {
  const contests: Contest[] = [];
  for (const size of SIZES) {
    for (const loss of LOSSES) {
      const given = { ...size.given, ...loss === "nce" ? size.givenToNce : {}, loss };
      const ours = made.use(new Workload(gpu, { ...size, given }));
      await warmUp(gpu, () => ours.step());
      tell(`${size.name}, ${loss}: ours is warm`);
      const args = peerArguments(ours, size);
      args.push(
        ...await deviceArguments(gpu, (more, seconds) => runPeer([...args, ...more], seconds)),
      );
      const peer = made.use(
        new Twin("pytorch.py", [...args, "--turns", "--seconds", `${seconds}`]),
      );
      await peer.report(); // ready: from now on it waits, and takes no time of ours
      tell(`${size.name}, ${loss}: PyTorch is warm`);
      contests.push({ size: size.name, loss, ours, peer, rates: [], reports: [] });
    }
  }
  return contests;
}

async function main(words: readonly string[]): Promise<void> {
  const { rounds, seconds } = roundsAndSeconds(words.filter((word) => word !== "--json"));
  await using gpu = await openGpu();
  await using made = new AsyncDisposableStack();
  const measured = 2 * rounds * seconds * SIZES.length * LOSSES.length;
  tell(`${adapterLine(gpu)}: measures for ${measured} s, besides starting and compiling`);
  const contests = await prepare(gpu, made, seconds);
  // Rounds outside, models inside: other load on the machine then affects all models alike.
  for (let round = 0; round < rounds; round++) {
    for (const { size, loss, ours, peer, rates, reports } of contests) {
      const rate = await measureOurs(gpu, ours, seconds), report = await peer.measure();
      rates.push(rate), reports.push(report);
      const [own, theirs] = [rate, report.tokensPerSecond].map(Math.round);
      tell(`${size}, ${loss}, round ${round + 1}: ours ${own}, PyTorch ${theirs} tokens/s`);
    }
  }
  const tables = [speedTable(contests), gainTable(contests)];
  console.log(
    words.includes("--json")
      ? JSON.stringify({ adapter: adapterLine(gpu), rounds, seconds, tables }, null, 2)
      : [`${adapterLine(gpu)}\n`, ...tables.map(formatTable)].join("\n").trimEnd(),
  );
}

if (import.meta.main) await runProgram(main);
