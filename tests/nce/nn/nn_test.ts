// Embedding, Linear and what modules share: shapes, names, initial values and errors.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Philox } from "../../../kernels/random/philox.ts";
import { Embedding, type Gpu, Linear, type Module, namedParameters, sum } from "../../../mod.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";
import * as reference from "../../reference/linear.ts";

/** All parameters of a module as one list. */
async function dataOf(gpu: Gpu, module: Module): Promise<number[]> {
  const arrays = await Promise.all(module.parameters().map(([, p]) => gpu.readFloats(p)));
  return arrays.flatMap((array) => [...array]);
}

Deno.test("Embedding looks rows up and keeps the shape of the ids", () =>
  withGpu(async (gpu) => {
    using embedding = new Embedding(gpu, { numEmbeddings: 63, embeddingDim: 5 });
    const table = Float64Array.from(await gpu.readFloats(embedding.weight));
    using step = gpu.step({ training: true });
    const ids = randomIds(12, 63, 1);
    const out = embedding.forward(step, step.upload(ids, [3, 4]));
    assertEquals(out.shape, [3, 4, 5]);
    const expected = reference.gather(ids, 5)(table);
    assertClose(await gpu.readFloats(out), expected.output);
    const gradient = step.backward(sum(step, out)).get(embedding.weight);
    assertEquals(gradient?.kind, "sparse");
    const wrong = step.upload(Uint32Array.of(63));
    assertThrows(() => embedding.forward(step, wrong), RangeError, "id 63 is out of range");
  }));

Deno.test("Embedding starts uniform within its range, a function of the seed alone", () =>
  withGpu(async (gpu) => {
    const options = { numEmbeddings: 100, embeddingDim: 7 };
    using plain = new Embedding(gpu, options);
    using wide = new Embedding(gpu, { ...options, initRange: 0.5, seed: 2 ** 40 });
    const data = await dataOf(gpu, plain), stretched = await dataOf(gpu, wide);
    assert(data.every((w) => Math.abs(w) <= 0.1) && data.some((w) => Math.abs(w) > 0.09));
    // Stream 1: the second consumer of random numbers on this device.
    const random = new Philox(2 ** 40, 1);
    const expected = Float64Array.from({ length: 700 }, () => random.uniform() - 0.5);
    assertClose(stretched, expected, { atol: 1e-7, rtol: 0 });
  }));

Deno.test("modules of the same device start with numbers of their own", () =>
  withGpu(async (gpu) => {
    using first = new Linear(gpu, { inFeatures: 4, outFeatures: 4, seed: 1 });
    using second = new Linear(gpu, { inFeatures: 4, outFeatures: 4, seed: 1 });
    assertNotEquals(await dataOf(gpu, first), await dataOf(gpu, second));
  }));

Deno.test("Linear is a product and a bias, uniform within 1 / sqrt(inFeatures) at first", () =>
  withGpu(async (gpu) => {
    using layer = new Linear(gpu, { inFeatures: 16, outFeatures: 65 });
    const names = layer.parameters().map(([name, { shape }]) => `${name} [${shape}]`);
    assertEquals(names, ["weight [65,16]", "bias [65]"]);
    const data = await dataOf(gpu, layer);
    assert(data.every((w) => Math.abs(w) <= 0.25) && data.some((w) => Math.abs(w) > 0.24));
    using step = gpu.step();
    const x = values(48, 1), out = layer.forward(step, step.upload(x, [3, 16]));
    const all = Float64Array.from(data), rows = Float64Array.from(x);
    const expected = reference.linear(3, 16, 65)(rows, all.slice(0, 1040), all.slice(1040));
    assertClose(await gpu.readFloats(out), expected.output, { atol: 2e-6, rtol: 1e-5 });
  }));

Deno.test("namedParameters() puts the module's name before its parameters'", () =>
  withGpu((gpu) => {
    using encoder = new Embedding(gpu, { numEmbeddings: 3, embeddingDim: 2 });
    using proj = new Linear(gpu, { inFeatures: 2, outFeatures: 2 });
    const parameters = namedParameters({ encoder, proj });
    assertEquals(parameters.map(([name]) => name), ["encoder.weight", "proj.weight", "proj.bias"]);
    assert(parameters.every(([, parameter]) => parameter.requiresGrad));
  }));

Deno.test("Embedding and Linear throw a RangeError when a size is no positive integer", () =>
  withGpu((gpu) => {
    for (const size of [0, -3, 1.5, NaN]) {
      assertThrows(
        () => new Embedding(gpu, { numEmbeddings: size, embeddingDim: 2 }),
        RangeError,
        `Cannot make Embedding: numEmbeddings is ${size}`,
      );
      assertThrows(
        () => new Linear(gpu, { inFeatures: 2, outFeatures: size }),
        RangeError,
        `Cannot make Linear: outFeatures is ${size}`,
      );
    }
  }));
