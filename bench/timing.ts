/** Timing. */

import type { Gpu } from "../mod.ts";

/** Warm-up runs: they compile the kernels and fill the buffer pool. */
const WARM_UP_RUNS = 3;
/** Number of loops; the result is their median. */
const LOOPS = 3;
/** Runs that a GPU has at a time: it lowers its clock while it waits for the next. */
const TOGETHER = 4;

/** The median; of an even number the mean of the two in the middle, NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), at = (values.length - 1) / 2;
  return ((sorted[Math.floor(at)] ?? NaN) + (sorted[Math.ceil(at)] ?? NaN)) / 2;
}

/** Runs `body` a few times, so that one-time costs are not measured. */
export async function warmUp(gpu: Gpu, body: () => void | Promise<void>): Promise<void> {
  for (let i = 0; i < WARM_UP_RUNS; i++) await body();
  await gpu.finish();
}

/** Seconds per `body`, in a loop of at least `seconds`. */
export async function secondsInLoop(
  gpu: Gpu,
  body: () => void | Promise<void>,
  seconds: number,
): Promise<number> {
  await gpu.finish();
  const start = performance.now(), elapsed = () => (performance.now() - start) / 1000;
  let runs = 0;
  do {
    await body();
    runs++;
    await gpu.keepUp();
  } while (elapsed() < seconds);
  await gpu.finish();
  return elapsed() / runs;
}

/**
 * Seconds in which the CPU records and submits `body`, while the GPU has nothing else to do: the median. Where
 * this is near what `body` takes in a loop, the CPU is the limit.
 */
export async function secondsToRecord(
  gpu: Gpu,
  body: () => void | Promise<void>,
  seconds: number,
): Promise<number> {
  const times: number[] = [], end = performance.now() + 1000 * seconds;
  do {
    await gpu.finish();
    const start = performance.now();
    await body();
    gpu.submit();
    times.push((performance.now() - start) / 1000);
  } while (performance.now() < end);
  await gpu.finish();
  return median(times);
}

/** Seconds of `body` on the GPU, its launches back to back: the median; undefined without time stamps. */
export async function secondsOnGpu(
  gpu: Gpu,
  body: () => void | Promise<void>,
  seconds: number,
): Promise<number | undefined> {
  if (!gpu.device.features.has("timestamp-query")) return undefined;
  const times: number[] = [], end = performance.now() + 1000 * seconds;
  const bodies = Array.from({ length: TOGETHER }, () => body);
  do times.push(...await gpu.time(...bodies)); while (performance.now() < end);
  return median(times) / 1000;
}

/** Seconds per `body` after a warm-up: the median of a few loops that take `seconds` in total. */
export async function secondsOf(
  gpu: Gpu,
  body: () => void | Promise<void>,
  seconds: number,
): Promise<number> {
  await warmUp(gpu, body);
  const loop = () => secondsInLoop(gpu, body, seconds / LOOPS);
  return median(await Array.fromAsync({ length: LOOPS }, loop)); // one after another
}
