/** Ranks in one process, each on a device of its own. */

import { type Communicator, ranksInProcess } from "../../kernels/mod.ts";
import type { AdapterOptions, Gpu } from "../../mod.ts";
import { withGpu } from "./gpu.ts";
import { events } from "./tiny_run.ts";

/** Runs `body` on `size` ranks; what it returns, by rank. Each device has to be left empty. */
export function onRanks<T>(
  size: number,
  body: (gpu: Gpu, communicator: Communicator) => Promise<T>,
  options: AdapterOptions = {},
): Promise<T[]> {
  return Promise.all(
    ranksInProcess(size).map(async (communicator) => {
      const found: T[] = [];
      await withGpu(async (gpu) => void found.push(await body(gpu, communicator)), options);
      return found[0]!;
    }),
  );
}

/** Runs `body` with `count` devices, each of which has to be left empty. */
export async function withGpus(
  count: number,
  body: (gpus: readonly Gpu[]) => Promise<void>,
): Promise<void> {
  const gpus: Gpu[] = [];
  const open = (): Promise<void> => {
    if (gpus.length === count) return body(gpus);
    return withGpu((gpu) => {
      gpus.push(gpu);
      return open();
    });
  };
  await open();
}

/** The results in the record of a run, which are those of its model, too. */
export function resultsOf(name: string): number[] {
  return events(name).flatMap((event) => {
    const { loss, trainLoss, validPpl, ppl, hitRate } = event as Record<string, number | undefined>;
    return [loss, trainLoss, validPpl, ppl, hitRate].filter((value) => value !== undefined);
  });
}
