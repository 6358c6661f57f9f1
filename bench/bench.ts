/**
 * Speed and memory on this machine: `deno task bench [--json] [section...]`, each section a table. Only if they
 * are named are measured `huge`, which takes 9 GB, and `tuning`, which is about kernels for GPUs.
 * peer.ts compares it with PyTorch; losses.ts compares the losses and noise sources.
 */

import { openGpu } from "../example/storage/open_gpu.ts";
import { adapterLine } from "../example/shared/adapter.ts";
import { Failure } from "../example/shared/errors.ts";
import type { Gpu } from "../mod.ts";
import { hugeTable, memoryTable, scalingTable } from "./layer.ts";
import { matmulTable } from "./matmul.ts";
import { pairTable } from "./pair.ts";
import { expectOnce } from "./program.ts";
import { runProgram } from "../example/shared/program.ts";
import { samplerTable } from "./samplers.ts";
import { stepTable } from "./steps.ts";
import { tuningTable } from "./tuning.ts";
import { formatTable, type Table } from "./table.ts";
import { topKTable } from "./top_k.ts";

/** Seconds to spend on each measurement. */
const SECONDS = 3;

const SECTIONS: Readonly<Record<string, (gpu: Gpu) => Promise<Table>>> = {
  matmul: matmulTable,
  samplers: (gpu) => samplerTable(gpu, SECONDS),
  steps: (gpu) => stepTable(gpu, SECONDS),
  pair: (gpu) => pairTable(gpu, SECONDS),
  scaling: (gpu) => scalingTable(gpu, SECONDS),
  huge: (gpu) => hugeTable(gpu, SECONDS),
  topk: (gpu) => topKTable(gpu, SECONDS),
  memory: memoryTable,
  tuning: tuningTable,
};
/** Sections that are measured only if they are named. */
const ONLY_NAMED: readonly string[] = ["huge", "tuning"];

async function main(words: readonly string[]): Promise<void> {
  const json = words.includes("--json"), known = Object.keys(SECTIONS);
  const named = words.filter((word) => word !== "--json");
  const unknown = named.find((word) => !known.includes(word));
  if (unknown !== undefined) {
    throw new Failure(`Unknown section ${unknown}: there are ${known.join(", ")}`);
  }
  expectOnce(words);
  await using gpu = await openGpu();
  const tables: Table[] = [];
  if (!json) console.log(`${adapterLine(gpu)}\n`);
  for (
    const section of named.length > 0 ? named : known.filter((name) => !ONLY_NAMED.includes(name))
  ) {
    const table = await SECTIONS[section]!(gpu);
    tables.push(table);
    if (!json) console.log(formatTable(table));
  }
  if (json) console.log(JSON.stringify({ adapter: adapterLine(gpu), tables }, null, 2));
}

if (import.meta.main) await runProgram(main);
