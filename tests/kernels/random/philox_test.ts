// Philox: published vectors, and the GPU against its TypeScript twin to the last bit.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { fillUniform } from "../../../kernels/elementwise/fill.ts";
import {
  mulhi,
  Philox,
  philox,
  type RandomKey,
  randomUniform,
  seedWords,
  unitFloat,
  withRandom,
} from "../../../kernels/random/philox.ts";
import { streamOf } from "../../../kernels/random/stream.ts";
import type { Gpu } from "../../../mod.ts";
import { dropout } from "../../../kernels/ops.ts";
import { RandomStream } from "../../../kernels/random/mod.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { chiSquareProbability } from "../../reference/chi_square.ts";
import { values } from "../../reference/data.ts";

type Words = [number, number, number, number];

/** Counter, key and output of Philox4x32-10, from the Random123 library's known answers. */
const KNOWN: { counter: Words; key: [number, number]; words: Words }[] = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

/** Keys that differ in one place each, with the largest seed among them. */
const KEYS: RandomKey[] = [
  { seed: 1, stream: 2, step: 3 },
  { seed: 2, stream: 2, step: 3 },
  { seed: 1 + 2 ** 32, stream: 2, step: 3 },
  { seed: 2 ** 53 - 1, stream: 2, step: 3 },
  { seed: 1, stream: 3, step: 3 },
  { seed: 1, stream: 2, step: 4 },
];

const KNOWN_KERNEL = withRandom(`
struct Params {
}
@group(1) @binding(0) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> counters: array<u32>;
@group(0) @binding(1) var<storage, read_write> words: array<u32>;
@compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) {
  let i = id.x * 6;
  let counter = vec4u(counters[i], counters[i + 1], counters[i + 2], counters[i + 3]);
  let drawn = philox(counter, vec2u(counters[i + 4], counters[i + 5]));
  for (var w = 0u; w < 4; w++) { words[id.x * 4 + w] = drawn[w]; }
}`);

/** The first `n` floats in [0, 1) of a key, from the CPU. */
function uniforms(n: number, { seed, stream, step }: RandomKey): Float32Array {
  const random = new Philox(seed, stream, step);
  return Float32Array.from({ length: n }, () => random.uniform());
}

Deno.test("philox() gives the published words for the published counters", () => {
  for (const { counter, key, words } of KNOWN) assertEquals([...philox(counter, key)], words);
});

Deno.test("philox of WGSL gives the published words for the published counters", () =>
  withGpu(async (gpu) => {
    const data = Uint32Array.from(KNOWN.flatMap(({ counter, key }) => [...counter, ...key]));
    using counters = gpu.tensor([data.length], data);
    using words = gpu.tensor([12], new Uint32Array(12));
    gpu.dispatch({
      label: "philox",
      source: KNOWN_KERNEL,
      inputs: [counters],
      outputs: [words],
      uniform: randomUniform(),
      grid: KNOWN.length,
    });
    assertEquals([...await gpu.read(words)], KNOWN.flatMap((known) => known.words));
  }));

Deno.test("mulhi() gives the high word of the exact product", () => {
  const words = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xd2511f53, 0xffffffff];
  for (const a of words) {
    for (const b of words) assertEquals(mulhi(a, b), Number(BigInt(a) * BigInt(b) >> 32n));
  }
});

Deno.test("seedWords() takes seeds of 53 bits and refuses others", () => {
  assertEquals(seedWords(0), [0, 0]);
  assertEquals(seedWords(2 ** 32 + 5), [5, 1]);
  assertEquals(seedWords(2 ** 53 - 1), [0xffffffff, 0x1fffff]);
  for (const seed of [-1, 1.5, 2 ** 53, NaN, Infinity]) {
    assertThrows(() => seedWords(seed), RangeError, `seed is ${seed}`);
  }
});

Deno.test("fillUniform() gives the CPU's bits for every key, and each key its own", () =>
  withGpu(async (gpu) => {
    const seen = new Set<string>();
    for (const key of KEYS) {
      for (const n of [1, 63, 65, 1023]) {
        using tensor = gpu.tensor([n]);
        fillUniform(gpu, tensor, 0, 1, key);
        const floats = await gpu.readFloats(tensor);
        assertEquals(floats, uniforms(n, key));
        if (n === 1023) seen.add(floats.slice(0, 8).join());
      }
    }
    assertEquals(seen.size, KEYS.length);
  }));

Deno.test("fillUniform() stretches to a range, lower end included, and leaves the rest alone", () =>
  withGpu(async (gpu) => {
    const key = KEYS[0]!;
    using tensor = gpu.tensor([65]);
    fillUniform(gpu, tensor, -0.3, 0.1, key);
    const expected = uniforms(65, key).map((u) => -0.3 + 0.4 * u);
    assertClose(await gpu.readFloats(tensor), expected, { atol: 1e-7, rtol: 0 });
    using table = gpu.tensor([128], new Float32Array(128).fill(7));
    using head = table.slice(0, 65);
    fillUniform(gpu, head, 0, 1, key);
    const floats = await gpu.readFloats(table);
    assertEquals(floats.slice(0, 65), uniforms(65, key));
    assert(floats.slice(65).every((x) => x === 7));
  }));

/** Which of `n` elements dropout by `stream` keeps, on the GPU. */
async function keptOf(
  gpu: Gpu,
  n: number,
  p: number,
  { seed, step: number }: RandomKey,
  stream: RandomStream,
): Promise<boolean[]> {
  using step = gpu.step({ training: true, seed, number });
  const ones = step.upload(new Float32Array(n).fill(1));
  return Array.from(await gpu.readFloats(dropout(step, ones, p, stream)), (x) => x !== 0);
}

Deno.test("streamOf() is the 32-bit FNV-1a hash of the name", () => {
  const known = { "": 0x811c9dc5, a: 0xe40c292c, foobar: 0xbf9cf968 };
  for (const [name, hash] of Object.entries(known)) assertEquals(streamOf(name), hash);
  assertEquals(new RandomStream("foobar").id, 0xbf9cf968);
  assertEquals(streamOf("costarring"), streamOf("liquid")); // known to collide
});

Deno.test("dropout() masks are the CPU's for every key", () =>
  withGpu(async (gpu) => {
    for (const key of KEYS) {
      const stream = new RandomStream(`layer ${key.stream}`);
      const drawn = uniforms(257, { ...key, stream: stream.id });
      const kept = Array.from(drawn, (u) => u >= Math.fround(0.3));
      assertEquals(await keptOf(gpu, 257, 0.3, key, stream), kept);
    }
  }));

Deno.test("Philox gives the words of its blocks in order", () => {
  const random = new Philox(2 ** 40 + 3, 5, 6);
  const key: [number, number] = [3, 2 ** 8];
  const words = [...philox([0, 6, 5, 0], key), ...philox([1, 6, 5, 0], key)];
  assertEquals(Array.from({ length: 8 }, () => random.next()), words);
  assertNotEquals(new Philox(1, 2).next(), new Philox(1, 3).next());
});

Deno.test("Philox.uniform() and below() are uniform", () => {
  const random = new Philox(7, 0);
  const floats = new Uint32Array(64), integers = new Uint32Array(37);
  for (let i = 0; i < 100_000; i++) {
    const u = random.uniform();
    assert(u >= 0 && u < 1);
    floats[Math.floor(64 * u)]!++;
    integers[random.below(37)]!++;
  }
  assert(chiSquareProbability(floats, new Float64Array(64).fill(1 / 64)) > 1e-4);
  assert(chiSquareProbability(integers, new Float64Array(37).fill(1 / 37)) > 1e-4);
  assertEquals(unitFloat(0), 0);
  assertEquals(unitFloat(0xffffffff), 1 - 2 ** -24);
});

Deno.test("values() of the tests is the same in every run", () => {
  assertEquals(values(3, 1), values(3, 1));
  assertNotEquals(values(3, 1), values(3, 2));
});

Deno.test("a generator refuses a stream and a step that are no words of 32 bits", () => {
  for (const wrong of [-1, 0.5, 2 ** 32]) {
    assertThrows(() => new Philox(1, wrong), RangeError, `stream is ${wrong}`);
    assertThrows(() => new Philox(1, 2, wrong), RangeError, `step is ${wrong}`);
  }
});
