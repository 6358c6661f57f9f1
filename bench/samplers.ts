/** Speed of the samplers. */

import { AliasMultinomial, type Gpu, logUniformProbabilities, UniqueNoise } from "../mod.ts";
import type { Table } from "./table.ts";
import { median, secondsOf } from "./timing.ts";

const CLASSES = 1_000_000;
const DRAWS = 10_000_000;
const DRAWS_ON_CPU = 1_000_000;
const UNIQUE_DRAWS = 100_000;
const REPETITIONS = 5;

/** CPU seconds that `body` takes. */
function secondsOnCpu(body: () => void): number {
  const times = Array.from({ length: REPETITIONS }, () => {
    const start = performance.now();
    body();
    return (performance.now() - start) / 1000;
  });
  return median(times);
}

/** Each sampler's draws, and the classes of an alias table's construction, in millions per second. */
export async function samplerTable(gpu: Gpu, seconds: number): Promise<Table> {
  const probabilities = logUniformProbabilities(CLASSES);
  using alias = new AliasMultinomial(gpu, probabilities);
  using unique = new UniqueNoise(gpu, probabilities, UNIQUE_DRAWS);
  let number = 0;
  const onGpu = await secondsOf(gpu, () => {
    using step = gpu.step({ number: number++ });
    alias.draw(step, [DRAWS]);
  }, seconds);
  const onCpu = secondsOnCpu(() => alias.drawOnCpu(DRAWS_ON_CPU, 0, number++));
  using target = gpu.tensor([1], new Uint32Array(1));
  const withoutRepeats = await secondsOf(gpu, () => {
    using step = gpu.step({ number: number++ });
    unique.sample(step, { target, noiseRatio: UNIQUE_DRAWS, perWord: false });
  }, seconds);
  const build = secondsOnCpu(() => new AliasMultinomial(gpu, probabilities)[Symbol.dispose]());
  const row = (sampler: string, count: number, time: number) => ({
    sampler,
    "count": count,
    "million/s": count / time / 1e6,
  });
  return {
    title: `Samplers, V = ${CLASSES.toLocaleString("en-US")}`,
    rows: [
      row("alias, on the GPU: draws", DRAWS, onGpu),
      row("alias, on the CPU: draws", DRAWS_ON_CPU, onCpu),
      row("unique, with ln q: draws", UNIQUE_DRAWS, withoutRepeats),
      row("alias, making it: classes", CLASSES, build),
    ],
  };
}
