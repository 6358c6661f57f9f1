/** The output layer alone, in training: time per step at different sizes, and memory. */

import {
  AliasMultinomial,
  type Gpu,
  IndexLinear,
  logUniformProbabilities,
  type LossType,
  type Tensor,
} from "../mod.ts";
import { parameter, SGD } from "../nce/nn/mod.ts";
import { openGpu } from "../example/storage/open_gpu.ts";
import { Failure } from "../example/shared/errors.ts";
import type { Table } from "./table.ts";
import { median, secondsInLoop, secondsOf, warmUp } from "./timing.ts";

/** Number of target batches that training cycles through. */
const BATCHES = 16;
const SEED = 1111;
/** Turns of what is measured next to each other. */
const TURNS = 9;

/** Sizes of the layer and its input. */
interface Sizes {
  readonly V: number;
  readonly E: number;
  readonly k: number;
  readonly N: number;
}

/** An IndexLinear with its optimizer; targets and noise follow Zipf's law. */
class Layer implements Disposable {
  readonly #gpu: Gpu;
  readonly #criterion: IndexLinear;
  readonly #optimizer: SGD;
  readonly #input: Tensor;
  readonly #targets: readonly Uint32Array[];
  readonly #stack = new DisposableStack();
  #steps = 0;

  constructor(gpu: Gpu, { V, E, k, N }: Sizes, lossType: LossType) {
    this.#gpu = gpu;
    const noise = logUniformProbabilities(V);
    const options = { embeddingDim: E, numClasses: V, noise, noiseRatio: k, normTerm: 9, lossType };
    this.#criterion = this.#stack.use(new IndexLinear(gpu, options));
    const update = { lr: 1, momentum: 0.9, weightDecay: 1e-5, clip: 0.25 };
    this.#optimizer = this.#stack.use(new SGD(gpu, this.#criterion.parameters(), update));
    this.#input = this.#stack.use(parameter(gpu, "input", [N, E], { range: 1, seed: SEED }));
    using words = new AliasMultinomial(gpu, noise);
    this.#targets = Array.from({ length: BATCHES }, (_, i) => words.drawOnCpu(N, SEED, i));
  }

  /** One training step, including the gradient of the input. */
  step(): void {
    const number = this.#steps++;
    using step = this.#gpu.step({ training: true, seed: SEED, number });
    const target = step.upload(this.#targets[number % BATCHES]!);
    const loss = this.#criterion.forward(step, target, this.#input);
    this.#optimizer.step(step.backward(loss));
  }

  /** Mean loss of the first batch's targets. */
  async loss(): Promise<number> {
    using step = this.#gpu.step({ training: true, seed: SEED, number: 0 });
    const target = step.upload(this.#targets[0]!);
    return (await this.#gpu.readFloats(this.#criterion.forward(step, target, this.#input)))[0]!;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** Seconds per step. */
async function secondsOfStep(
  gpu: Gpu,
  sizes: Sizes,
  lossType: LossType,
  seconds: number,
): Promise<number> {
  using layer = new Layer(gpu, sizes, lossType);
  const time = await secondsOf(gpu, () => layer.step(), seconds);
  const loss = await layer.loss();
  if (!Number.isFinite(loss)) throw new Failure(`The loss is ${loss}: the figure means nothing`);
  return time;
}

/** Milliseconds per nce step, and the ratio to the first row; one size changes at a time. */
export async function scalingTable(gpu: Gpu, seconds: number): Promise<Table> {
  const base: Sizes = { V: 10_000, E: 100, k: 100, N: 700 };
  const wide: Sizes = { ...base, E: 32 };
  const groups: readonly (readonly Sizes[])[] = [
    [base, { ...base, V: 100_000 }, { ...base, V: 300_000 }, { ...base, V: 1_000_000 }],
    [wide, { ...wide, V: 1_000_000 }],
    [base, { ...base, N: 1400 }, { ...base, N: 2800 }],
    [base, { ...base, k: 400 }, { ...base, k: 1600 }],
    [base, { ...base, E: 200 }, { ...base, E: 400 }],
  ];
  const rows = [];
  for (const group of groups) {
    let first: number | undefined;
    for (const sizes of group) {
      const time = await secondsOfStep(gpu, sizes, "nce", seconds);
      first ??= time;
      rows.push({ ...sizes, "ms a step": 1000 * time, "ratio": time / first });
    }
  }
  return { title: "nce, the output layer alone", rows };
}

/** Milliseconds per nce step with ten million classes, by turns with ten thousand; it takes 9 GB. */
export async function hugeTable(gpu: Gpu, seconds: number): Promise<Table> {
  const sizes = [10_000, 10_000_000].map((V): Sizes => ({ V, E: 100, k: 100, N: 700 }));
  using stack = new DisposableStack();
  const layers = sizes.map((size) => stack.use(new Layer(gpu, size, "nce")));
  const times: number[][] = sizes.map(() => []);
  for (const layer of layers) await warmUp(gpu, () => layer.step());
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [i, layer] of layers.entries()) {
      times[i]!.push(await secondsInLoop(gpu, () => layer.step(), seconds / TURNS));
    }
  }
  const medians = times.map(median),
    rows = medians.map((time, i) => {
      return { ...sizes[i]!, "ms a step": 1000 * time, "ratio": time / medians[0]! };
    });
  return { title: "nce, ten million classes", rows };
}

/** Bytes of the tables (weights, bias, momentum, noise), and peak memory in training. */
export async function memoryTable(gpu: Gpu): Promise<Table> {
  const large: Sizes = { V: 1_000_000, E: 512, k: 512, N: 4096 };
  const sizes = gpu.software ? { V: 1_000_000, E: 100, k: 100, N: 700 } : large;
  const rows = [];
  for (const loss of ["nce", "sampled", "full"] as const) {
    await using fresh = await openGpu();
    using layer = new Layer(fresh, sizes, loss);
    const tables = fresh.memory.bytes;
    for (let i = 0; i < 3; i++) layer.step();
    await fresh.finish();
    const { peakBytes } = fresh.memory;
    rows.push({
      loss,
      "tables, MB": tables / 1e6,
      "peak, MB": peakBytes / 1e6,
      "peak / tables": peakBytes / tables,
    });
  }
  const { V, E, k, N } = sizes;
  return {
    title: `GPU memory of the output layer, V = ${V}, E = ${E}, k = ${k}, N = ${N}`,
    rows,
    notes: ["Tables: weights, bias, their momentum, noise, and the input."],
  };
}
