// Tables of 16-bit floats: what reads them reads these numbers exactly, and what cannot says so.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { floatRows, widened } from "../../../kernels/elementwise/halves.ts";
import { fillUniform } from "../../../kernels/elementwise/fill.ts";
import {
  add,
  crossEntropy,
  dropout,
  gather,
  indexScore,
  linearScorer,
  matmul,
  sum,
  topK,
  weightedSum,
} from "../../../kernels/ops.ts";
import { RandomStream } from "../../../kernels/random/mod.ts";
import { type Gpu, IndexGRU, IndexLinear, type Step, type Tensor } from "../../../mod.ts";
import { Embedding } from "../../../nce/nn/mod.ts";
import { randomIds, values } from "../../reference/data.ts";
import { storedHalves } from "../../reference/half.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";

/** Every 16-bit float. */
const ALL = new Float32Array(
  new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).buffer),
);

Deno.test("every 16-bit float is written, read and looked up as it is, in rows of any even width", () =>
  withGpu(async (gpu) => {
    for (const W of [2, 4]) {
      const V = ALL.length / W;
      using table = gpu.table([V, W], ALL, "f16"), step = gpu.step();
      assertEquals([table.bytes, gpu.memory.bytes], [2 * ALL.length, 2 * ALL.length]);
      const ids = step.upload(Uint32Array.from({ length: V }, (_, i) => i));
      const rows = step.own(floatRows(gpu, table, 0, V));
      for (const read of [table, gather(step, table, ids), widened(step, table), rows]) {
        assertEquals(await gpu.readFloats(read), ALL);
      }
    }
  }, { maxBindingBytes: 2 ** 27 })); // floatRows() reads a part

Deno.test("write() rounds to the nearest 16-bit float, ties to even, and too large ones to infinity", () =>
  withGpu(async (gpu) => {
    const given = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 3 * 2 ** -26];
    using table = gpu.table([3, 2], Float32Array.from(given), "f16");
    const rounded = [1, 1 + 2 ** -9, 65504, Infinity, 0, 2 ** -24];
    assertEquals(await gpu.readFloats(table), Float32Array.from(rounded));
  }));

const [V, W, N] = [300, 6, 20];

/** The bits of what `run` gives, and of all gradients, on a table of this type. */
async function bitsOf(
  gpu: Gpu,
  dtype: "f32" | "f16",
  run: (step: Step, table: Tensor) => Tensor,
): Promise<Float32Array[]> {
  const start = new Float32Array(new Float16Array(values(V * W, 1)));
  using table = gpu.table([V, W], start, dtype);
  table.requiresGrad = true;
  using step = gpu.step({ training: true, seed: 3, number: 0 });
  const out = run(step, table), dTable = step.backward(sum(step, out)).toDense(table)!;
  return [await gpu.readFloats(out), await gpu.readFloats(dTable)];
}

const x = (step: Step) => step.upload(values(N * W, 2), [N, W]);
const bias = (step: Step) => step.upload(values(V, 3));

const READERS: Readonly<Record<string, (step: Step, table: Tensor) => Tensor>> = {
  gather: (step, table) => gather(step, table, step.upload(randomIds(N, V, 5))),
  indexScore: (step, table) => {
    return indexScore(
      step,
      x(step),
      table,
      bias(step),
      step.upload(randomIds(3 * N, V, 5), [N, 3]),
    );
  },
  sum: (step, table) => sum(step, table),
  dropout: (step, table) => {
    const dropped = dropout(step, table, 0.5, new RandomStream("a"), true);
    return gather(step, dropped, step.upload(randomIds(N, V, 5)));
  },
  crossEntropy: (step, table) => {
    return crossEntropy(step, x(step), table, bias(step), step.upload(randomIds(N, V, 4)));
  },
  "crossEntropy in tiles": (step, table) => {
    const ids = step.upload(randomIds(N, V, 4));
    return crossEntropy(step, x(step), table, bias(step), ids, 4 * N * 64);
  },
};

Deno.test("what reads a table of 16-bit floats gives the bits of one of 32, gradients too, in parts or not", async () => {
  for (const maxBindingBytes of [2 ** 27, 1]) {
    await withBothFamilies(async (gpu) => {
      for (const [name, run] of Object.entries(READERS)) {
        const what = `${name}, ${gpu.family}, ${maxBindingBytes}`;
        assertEquals(await bitsOf(gpu, "f16", run), await bitsOf(gpu, "f32", run), what);
      }
      const best = async (dtype: "f32" | "f16") => {
        using table = gpu.table(
          [V, W],
          new Float32Array(new Float16Array(values(V * W, 1))),
          dtype,
        );
        using step = gpu.step();
        const { ids, scores } = topK(step, linearScorer(step, x(step), table, bias(step)), 7);
        return [await gpu.read(ids), await gpu.read(scores)];
      };
      assertEquals(await best("f16"), await best("f32"), "topK");
    }, { maxBindingBytes });
  }
});

Deno.test("initial values with 16 bits are the roundings of those with 32, in parts or not", async () => {
  const key = { seed: 4, stream: 5, step: 0 };
  for (const maxBindingBytes of [2 ** 27, 1]) {
    await withGpu(async (gpu) => {
      using halves = gpu.table([V, W], undefined, "f16"), floats = gpu.table([V, W]);
      for (const table of [halves, floats]) fillUniform(gpu, table, -0.1, 0.1, key);
      const expected = storedHalves(await gpu.readFloats(floats), key);
      assertEquals(await gpu.readFloats(halves), expected);
    }, { maxBindingBytes });
  }
});

const COPY = `
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(1) fn main() { out[0] = a[0]; }`;

Deno.test("what cannot read 16-bit floats refuses them: other operations, kernels and copies", () =>
  withGpu(async (gpu) => {
    using table = gpu.table([8, 4], values(32, 1), "f16"), floats = gpu.tensor([8, 4]);
    using step = gpu.step(), ids = gpu.tensor([8], new Uint32Array(8));
    const name = "f16 [8,4], expected 32-bit floats";
    assertThrows(() => matmul(step, table, floats), TypeError);
    assertThrows(() => add(step, table, floats), TypeError, name);
    assertThrows(() => weightedSum(step, floats, table), TypeError, name);
    assertThrows(() => gather(step, floats, table), TypeError, "floats, not ids");
    const launch = { label: "copyBits", source: COPY, grid: 1 };
    const refused = "Cannot run copyBits: it takes no 16-bit floats, as a table [8,4] has";
    const twice = [[[table], [floats]], [[floats], [table]]] as const;
    for (const [inputs, outputs] of twice) {
      assertThrows(() => gpu.dispatch({ ...launch, inputs, outputs }), TypeError, refused);
    }
    assertThrows(() => gpu.copy(table, floats), TypeError, "f16 [8,4]");
    using other = gpu.table([8, 4], undefined, "f16");
    for (const options of [{ count: 3 }, { fromStart: 1, count: 2 }, { toStart: 1, count: 2 }]) {
      assertThrows(() => gpu.copy(table, other, options), TypeError, "Cannot copy");
    }
    gpu.copy(table, other, { fromStart: 4, toStart: 6, count: 10 });
    const [copied, own] = [await gpu.readFloats(other), await gpu.readFloats(table)];
    assertEquals(copied.slice(6, 16), own.slice(4, 14));
    assertThrows(() => gpu.write(table, new Uint32Array(32)), TypeError, "to f16 [8,4]");
    assertThrows(() => table.slice(1, 4), RangeError, "Cannot slice");
    assertEquals(await gpu.read(ids), new Uint32Array(8));
    await assertRejects(() => gpu.readFloats(ids), TypeError);
  }));

Deno.test("rows of 16-bit floats have an even number: a table or a layer says so before it takes memory", () =>
  withGpu((gpu) => {
    const odd =
      "Cannot make a table [9,3] of f16: its rows have 3 elements; make them an even number";
    assertThrows(() => gpu.table([9, 3], undefined, "f16"), RangeError, odd);
    assertThrows(() => gpu.table([9], undefined, "f16"), RangeError, "1 elements");
    const shared = { numClasses: 9, embeddingDim: 3, noise: new Array(9).fill(1) };
    const layers = [
      () => new Embedding(gpu, { numEmbeddings: 9, embeddingDim: 3, tableDtype: "f16" }),
      () => new IndexLinear(gpu, { ...shared, tableDtype: "f16" }),
      () => new IndexGRU(gpu, { ...shared, hiddenSize: 4, tableDtype: "f16" }),
    ];
    for (const make of layers) assertThrows(make, RangeError, odd);
    const unknown = () =>
      new IndexLinear(gpu, { ...shared, embeddingDim: 4, tableDtype: "f64" as "f16" });
    assertThrows(unknown, RangeError, 'tableDtype is "f64", not one of "f32", "f16"');
    const ids = () => gpu.table([9, 2], new Uint32Array(18), "f16");
    assertThrows(ids, RangeError, 'dtype is "f16", not one of "u32"');
    assertEquals(gpu.memory.buffers, 0);
  }));
