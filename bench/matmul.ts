/**
 * Speed of the matrix products: `deno run -A bench/matmul.ts [repetitions] [words of the shape...]`.
 * Prints the median GFLOP/s of every kernel that the adapter can run, by GPU timestamps.
 */

import { Gpu } from "../kernels/gpu.ts";
import { matmulInto, type MatmulKernel } from "../kernels/matmul.ts";

interface Shape {
  readonly name: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly hardwareOnly?: boolean;
}

/** Products of a linear layer [N, from] -> [N, to]: forward, input gradient, weight gradient. */
function layer(name: string, N: number, from: number, to: number): Shape[] {
  return [
    { name: `${name} forward`, m: N, n: to, k: from, transposeB: true },
    { name: `${name} dX`, m: N, n: from, k: to },
    { name: `${name} dW`, m: to, n: from, k: N, transposeA: true },
  ];
}

const SHAPES: readonly Shape[] = [
  ...layer("gates", 700, 200, 800),
  ...layer("gates", 3400, 200, 800),
  ...layer("scores", 700, 200, 10001),
  ...layer("noise", 700, 200, 50),
  ...layer("noise", 700, 200, 500),
  ...layer("odd", 333, 101, 301),
  { name: "square", m: 512, n: 512, k: 512 },
  { name: "square", m: 4096, n: 4096, k: 4096, hardwareOnly: true },
];

function describe({ name, m, n, k, transposeA, transposeB }: Shape): string {
  const a = transposeA ? "A^T" : "A", b = transposeB ? "B^T" : "B";
  return `${name.padEnd(14)} ${`${m} x ${n} x ${k}`.padEnd(18)} ${`${a} ${b}`.padEnd(6)}`;
}

/** Median GFLOP/s of one kernel on one shape. */
async function measure(
  gpu: Gpu,
  shape: Shape,
  kernel: MatmulKernel,
  repetitions: number,
): Promise<number> {
  const { m, n, k, transposeA = false, transposeB = false } = shape;
  const filled = (rows: number, columns: number) => {
    const data = new Float32Array(rows * columns);
    return gpu.tensor([rows, columns], data.map((_, i) => i % 17 / 17 - 0.5));
  };
  using a = transposeA ? filled(k, m) : filled(m, k);
  using b = transposeB ? filled(n, k) : filled(k, n);
  using c = gpu.tensor([m, n]);
  const run = () => matmulInto(gpu, c, a, b, { transposeA, transposeB, kernel });
  run();
  await gpu.finish();
  const times: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    const profile = await gpu.profile(run);
    times.push(profile.rows.reduce((sum, row) => sum + row.ms, 0));
  }
  times.sort((x, y) => x - y);
  return 2 * m * n * k / times[times.length >> 1]! / 1e6;
}

if (import.meta.main) {
  const repetitions = Number(Deno.args[0] ?? 9);
  if (!(repetitions >= 1)) {
    console.error(`Repetitions must be a number of at least 1, not ${Deno.args[0]}`);
    Deno.exit(2);
  }
  using gpu = await Gpu.create();
  const kernels: MatmulKernel[] = ["tiled"];
  if (gpu.software) kernels.unshift("direct");
  if (gpu.subgroupSize === 8 || gpu.subgroupSize === 16) kernels.unshift("broadcast");
  console.log(`${gpu.name}, family ${gpu.family}, subgroups of ${gpu.subgroupSize}`);
  console.log(`${"GFLOP/s".padEnd(41)}${kernels.map((kernel) => kernel.padStart(10)).join("")}`);
  for (const shape of SHAPES) {
    if (shape.hardwareOnly && gpu.software) continue;
    const line = describe(shape);
    if (!Deno.args.slice(1).every((word) => line.includes(word))) continue;
    const rates: string[] = [];
    for (const kernel of kernels) {
      const rate = await measure(gpu, shape, kernel, repetitions);
      rates.push(rate.toFixed(1).padStart(10));
    }
    console.log(line + " " + rates.join(""));
  }
}
