/** How long things take. */

import type { Gpu } from "../mod.ts";

/** Runs before anything is measured: they compile the kernels and fill the pool of buffers. */
const WARM_UP_RUNS = 3;
/** Loops whose median counts. */
const LOOPS = 3;

/** The middle one of the values, the higher of two; NaN of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Runs `body` a few times, so that what comes only once is not measured. */
export async function warmUp(gpu: Gpu, body: () => void): Promise<void> {
  for (let i = 0; i < WARM_UP_RUNS; i++) body();
  await gpu.finish();
}

/** Seconds that one `body` takes in a loop of at least this many `seconds`. */
export async function secondsInLoop(gpu: Gpu, body: () => void, seconds: number): Promise<number> {
  await gpu.finish();
  const start = performance.now(), elapsed = () => (performance.now() - start) / 1000;
  let runs = 0;
  do {
    body();
    runs++;
    await gpu.keepUp();
  } while (elapsed() < seconds);
  await gpu.finish();
  return elapsed() / runs;
}

/** Seconds that one `body` takes: the median of a few loops, of `seconds` altogether, after warming up. */
export async function secondsOf(gpu: Gpu, body: () => void, seconds: number): Promise<number> {
  await warmUp(gpu, body);
  const times: number[] = [];
  for (let i = 0; i < LOOPS; i++) times.push(await secondsInLoop(gpu, body, seconds / LOOPS));
  return median(times);
}
