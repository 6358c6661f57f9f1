/** Speed of the matrix products, by GPU timestamps. */

import { Failure } from "../example/shared/errors.ts";
import { matmulInto, type MatmulKernel } from "../kernels/matmul/matmul.ts";
import { readsTexels } from "../kernels/matmul/matmul_texel.ts";
import type { Gpu } from "../mod.ts";
import type { Table } from "./table.ts";
import { median, secondsInLoop, warmUp } from "./timing.ts";

const REPETITIONS = 15;
/** Products per repetition on a hardware GPU. */
const LAUNCHES = 20;
const BUSY_SECONDS = 0.2;

interface Shape {
  readonly name: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** Products of a linear layer [N, from] -> [N, to]: forward, input gradient, weight gradient. */
function layer(name: string, N: number, from: number, to: number): Shape[] {
  return [
    { name: `${name}, x W^T`, m: N, n: to, k: from, transposeB: true },
    { name: `${name}, dy W`, m: N, n: from, k: to },
    { name: `${name}, dy^T x`, m: to, n: from, k: N, transposeA: true },
  ];
}

/** Gates, noise and full scores at the language model's defaults, plus squares to compare with other libraries. */
const SHAPES: readonly Shape[] = [
  ...layer("gates", 385, 200, 800),
  ...layer("one step", 11, 200, 800),
  ...layer("noise", 385, 200, 50),
  ...layer("scores", 385, 200, 9_984), // of the 10,001: cross_entropy.ts cuts off an odd rest
  ...layer("odd", 333, 101, 301),
  { name: "square", m: 512, n: 512, k: 512 },
];
const LARGE: readonly Shape[] = [{ name: "square", m: 4096, n: 4096, k: 4096 }];

/** GFLOP/s of one kernel on one shape. */
async function measure(gpu: Gpu, shape: Shape, kernel: MatmulKernel): Promise<number> {
  const { m, n, k, transposeA = false, transposeB = false } = shape;
  const filled = (rows: number, columns: number) => {
    const data = new Float32Array(rows * columns);
    return gpu.tensor([rows, columns], data.map((_, i) => i % 17 / 17 - 0.5));
  };
  using a = transposeA ? filled(k, m) : filled(m, k);
  using b = transposeB ? filled(n, k) : filled(k, n);
  using c = gpu.tensor([m, n]);
  const run = () => matmulInto(gpu, c, a, b, { transposeA, transposeB, kernel });
  await warmUp(gpu, run);
  // An idle GPU lowers its clock between measurements.
  if (!gpu.software) await secondsInLoop(gpu, run, BUSY_SECONDS);
  const launches = gpu.software ? 1 : LAUNCHES, times: number[] = [];
  for (let i = 0; i < REPETITIONS; i++) {
    const { rows } = await gpu.profile(() => {
      for (let n = 0; n < launches; n++) run();
    });
    times.push(rows.reduce((sum, { ms }) => sum + ms, 0) / launches);
  }
  const ms = median(times);
  if (!(ms > 0)) throw new Failure(`${gpu.name} gives no timestamps: products cannot be timed`);
  return 2 * m * n * k / ms / 1e6;
}

/** GFLOP/s of every kernel that the adapter can run. */
export async function matmulTable(gpu: Gpu): Promise<Table> {
  const kernels: MatmulKernel[] = gpu.software ? ["register", "workgroup"] : ["workgroup"];
  if (readsTexels(gpu)) kernels.unshift("texel");
  const rows = [];
  for (const shape of [...SHAPES, ...gpu.software ? [] : LARGE]) {
    const { name, m, n, k } = shape;
    const row: Record<string, string | number> = {
      product: name,
      "m x n x k": `${m} x ${n} x ${k}`,
    };
    for (const kernel of kernels) row[kernel] = await measure(gpu, shape, kernel);
    rows.push(row);
  }
  return { title: "Matrix products, GFLOP/s", rows };
}
