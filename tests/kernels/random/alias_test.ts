// AliasMultinomial: the exactness of its table, the distribution of its draws, and its errors.

import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { aliasDraw, aliasTable } from "../../../kernels/random/alias.ts";
import { AliasMultinomial } from "../../../mod.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

/** Zipf counts of `n` classes in mixed order, every tenth zero. */
function zipf(n: number): Float64Array {
  return Float64Array.from(
    { length: n },
    (_, i) => i % 10 === 3 ? 0 : Math.floor(1e6 / (1 + (i * 7) % n)),
  );
}

/** The probability of each class that a table stands for, by exact summation. */
function distributionOf(table: Uint32Array): Float64Array {
  const classes = table.length / 2, out = new Float64Array(classes);
  for (let i = 0; i < classes; i++) {
    const keep = table[2 * i]! / 2 ** 32;
    out[i]! += keep / classes;
    out[table[2 * i + 1]!]! += (1 - keep) / classes;
  }
  return out;
}

Deno.test("aliasTable() stands for the probabilities within 2^-31", () => {
  const skewed = Float64Array.of(1 - 3e-10, 1e-10, 1e-10, 1e-10);
  const uneven = Float64Array.from(values(257, 1), (x) => (x + 1) ** 8);
  const total = uneven.reduce((sum, x) => sum + x, 0);
  const cases = [
    Float64Array.of(1),
    Float64Array.of(0.5, 0.5),
    Float64Array.of(0.3, 0.7),
    new Float64Array(7).fill(1 / 7),
    skewed,
    uneven.map((x) => x / total),
  ];
  for (const q of cases) {
    assertClose(distributionOf(aliasTable(q)), q, { atol: 2 ** -31, rtol: 0 }, `V = ${q.length}`);
  }
});

Deno.test("aliasDraw() draws the only class when there is one", () => {
  const key = { seed: 1, stream: 0, step: 0 };
  assertEquals(aliasDraw(aliasTable(Float64Array.of(1)), 5, key), new Uint32Array(5));
});

Deno.test("AliasMultinomial draws the same on the GPU and the CPU, anew for each key", () =>
  withGpu(async (gpu) => {
    using noise = new AliasMultinomial(gpu, zipf(257));
    using other = new AliasMultinomial(gpu, zipf(257), "other");
    using small = new AliasMultinomial(gpu, [1, 3], "small");
    using single = new AliasMultinomial(gpu, [1], "single");
    const seen = new Set<string>();
    for (const [seed, number] of [[0, 0], [1, 0], [0, 1], [2 ** 53 - 1, 7]] as const) {
      using step = gpu.step({ seed, number });
      for (const n of [1, 63, 65, 1001]) {
        for (const each of [noise, small, single]) {
          const ids = await gpu.read(each.draw(step, [n]));
          assertEquals(ids, each.drawOnCpu(n, seed, number));
        }
      }
      seen.add(noise.drawOnCpu(20, seed, number).join());
      seen.add(other.drawOnCpu(20, seed, number).join());
    }
    assertEquals(seen.size, 8);
  }));

Deno.test("AliasMultinomial draws the same whatever the shape, and longer draws begin alike", () =>
  withGpu(async (gpu) => {
    using noise = new AliasMultinomial(gpu, zipf(50));
    using step = gpu.step({ seed: 3, number: 4 });
    const ids = noise.draw(step, [6, 35]);
    assertEquals([ids.shape, ids.dtype, ids.idLimit], [[6, 35], "u32", 50]);
    const flat = await gpu.read(noise.draw(step, [210]));
    assertEquals(await gpu.read(ids), flat);
    assertEquals((await gpu.read(noise.draw(step, [500]))).slice(0, 210), flat);
  }));

Deno.test("AliasMultinomial floors probabilities at 1e-10 and normalises them", () =>
  withGpu((gpu) => {
    using noise = new AliasMultinomial(gpu, [0, 3e5, 1e5, 0]);
    const q = noise.probabilities, rest = 1 + 2e-10;
    assertClose(q, [1e-10 / rest, 0.75 / rest, 0.25 / rest, 1e-10 / rest], {
      atol: 0,
      rtol: 1e-12,
    });
    assertAlmostEquals(q.reduce((sum, p) => sum + p, 0), 1, 1e-15);
    using same = new AliasMultinomial(gpu, [0, 0.75, 0.25, 0]);
    assertClose(same.probabilities, q, { atol: 0, rtol: 1e-12 });
    assertEquals(noise.numClasses, 4);
  }));

Deno.test("AliasMultinomial.logProb() gives ln q in the shape of the ids", () =>
  withGpu(async (gpu) => {
    using noise = new AliasMultinomial(gpu, zipf(65));
    using step = gpu.step();
    const ids = Uint32Array.of(64, 0, 3, 13, 3, 7);
    const logProb = noise.logProb(step, step.upload(ids, [2, 3]));
    assertEquals(logProb.shape, [2, 3]);
    const expected = Float64Array.from(ids, (id) => Math.log(noise.probabilities[id]!));
    assertClose(await gpu.readFloats(logProb), expected, { atol: 0, rtol: 1e-6 });
    const wrong = step.upload(Uint32Array.of(65));
    assertThrows(() => noise.logProb(step, wrong), RangeError, "may be up to 65");
  }));

Deno.test("AliasMultinomial throws a RangeError when noise is empty, zero, negative or not finite", () =>
  withGpu((gpu) => {
    const wrong: [number[], string][] = [
      [[], "no classes"],
      [[0, 0, 0], "every class has weight 0"],
      [[1, -1], "class 1 has weight -1"],
      [[1, 2, NaN], "class 2 has weight NaN"],
      [[Infinity, 1], "class 0 has weight Infinity"],
    ];
    for (const [noise, message] of wrong) {
      assertThrows(() => new AliasMultinomial(gpu, noise), RangeError, message);
    }
  }));
