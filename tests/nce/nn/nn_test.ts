// Embedding, Linear and what modules share: shapes, names, initial values and errors.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Philox } from "../../../kernels/random/philox.ts";
import { streamOf } from "../../../kernels/random/stream.ts";
import { type Gpu, IndexGRU, IndexLinear, type Tensor } from "../../../mod.ts";
import {
  Embedding,
  Linear,
  LSTM,
  Module,
  type NamedParameter,
  parameter,
  SGD,
} from "../../../nce/nn/mod.ts";
import { sum } from "../../../kernels/ops.ts";
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
    assertThrows(() => embedding.forward(step, wrong), RangeError, "may be up to 63");
  }));

Deno.test("Embedding starts uniform within its range, a function of the seed and its path", () =>
  withGpu(async (gpu) => {
    const options = { numEmbeddings: 100, embeddingDim: 7 };
    using plain = new Embedding(gpu, options);
    using wide = new Embedding(gpu, {
      ...options,
      initRange: 0.5,
      seed: 2 ** 40,
      name: "encoder",
    });
    const data = await dataOf(gpu, plain), stretched = await dataOf(gpu, wide);
    assert(data.every((w) => Math.abs(w) <= 0.1) && data.some((w) => Math.abs(w) > 0.09));
    const random = new Philox(2 ** 40, streamOf("encoder.weight"));
    const expected = Float64Array.from({ length: 700 }, () => random.uniform() - 0.5);
    assertClose(stretched, expected, { atol: 1e-7, rtol: 0 });
  }));

Deno.test("what a module starts with depends on its path, not on what was made before", () =>
  withGpu(async (gpu) => {
    const linear = (name: string) =>
      new Linear(gpu, { name, inFeatures: 4, outFeatures: 4, seed: 1 });
    const sizes = { name: "rnn", inputSize: 2, hiddenSize: 3, seed: 1 };
    using first = linear("first");
    using second = linear("second");
    using again = linear("first");
    assertNotEquals(await dataOf(gpu, first), await dataOf(gpu, second));
    assertEquals(await dataOf(gpu, first), await dataOf(gpu, again));
    using low = new LSTM(gpu, sizes);
    using high = new LSTM(gpu, { ...sizes, numLayers: 2, dropout: 0.5 });
    const lowest = await dataOf(gpu, low);
    assertEquals((await dataOf(gpu, high)).slice(0, lowest.length), lowest);
  }));

Deno.test("a model's numbers stay as they are when dropout goes, or something is made before", () =>
  withGpu(async (gpu) => {
    const shared = { embeddingDim: 4, numClasses: 9, noise: Array(9).fill(1) };
    const sizes = { ...shared, hiddenSize: 3 };
    const numbersOf = async (model: IndexGRU) => {
      using step = gpu.step({ training: true, seed: 1, number: 2 });
      const noise = model.getNoise(step, step.upload(Uint32Array.of(1, 2)));
      return [await dataOf(gpu, model), [...await gpu.read(noise.ids)]];
    };
    using plain = new IndexGRU(gpu, sizes);
    const expected = await numbersOf(plain);
    using before = new IndexLinear(gpu, { ...shared, name: "before" });
    using dropping = new IndexGRU(gpu, { ...sizes, dropout: 0.5 });
    assertEquals(await numbersOf(dropping), expected);
    using apart = new IndexGRU(gpu, { ...sizes, name: "apart" });
    assertNotEquals(await numbersOf(apart), expected);
    assertNotEquals(await dataOf(gpu, before), await dataOf(gpu, plain));
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

Deno.test("a stack of recurrent layers takes a state for each, or none", () =>
  withGpu((gpu) => {
    using rnn = new LSTM(gpu, { inputSize: 2, hiddenSize: 2, numLayers: 2 });
    using step = gpu.step();
    const x = step.upload(new Float32Array(4), [1, 2, 2]), { states } = rnn.forward(step, x);
    const message = "1 states for 2 layers; give one for each, or none";
    assertThrows(() => rnn.forward(step, x, { states: [states[0]!] }), TypeError, message);
    assertEquals(rnn.forward(step, x, { states }).states.length, 2);
  }));

Deno.test("a stack of recurrent layers drops units between layers, each time by a mask of its own", () =>
  withGpu((gpu) => {
    using rnn = new LSTM(gpu, { inputSize: 3, hiddenSize: 2, numLayers: 3, dropout: 0.5 });
    using step = gpu.step({ training: true });
    const streams: string[] = [], { randomKey } = step;
    step.randomKey = (stream) => (streams.push(stream.name), randomKey.call(step, stream));
    rnn.forward(step, step.upload(values(12, 1), [2, 2, 3]));
    assertEquals(streams, ["dropout_l0", "dropout_l1"]);
  }));

Deno.test("an optimizer of tensors without names says what it wants", () =>
  withGpu((gpu) => {
    using weight = gpu.tensor([2]);
    for (const entry of [weight, {}, null, "weight"]) {
      const list = [entry] as unknown as NamedParameter[];
      const message = "not a pair [name, tensor]";
      assertThrows(() => new SGD(gpu, list, { lr: 1 }), TypeError, message);
    }
  }));

Deno.test("a module's name stands before its parameters'", () =>
  withGpu((gpu) => {
    using encoder = new Embedding(gpu, { name: "encoder", numEmbeddings: 3, embeddingDim: 2 });
    using proj = new Linear(gpu, { name: "proj", inFeatures: 2, outFeatures: 2 });
    using rnn = new LSTM(gpu, { name: "a.rnn", inputSize: 1, hiddenSize: 1 });
    const parameters = [encoder, proj, rnn].flatMap((module) => module.parameters());
    const own = ["encoder.weight", "proj.weight", "proj.bias"];
    const stacked = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"];
    const expected = [...own, ...stacked.map((name) => `a.rnn.${name}`)];
    assertEquals(parameters.map(([name]) => name), expected);
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

Deno.test("parameter() starts uniform, a function of path and seed, or with the values given", () =>
  withGpu(async (gpu) => {
    using table = new Embedding(gpu, {
      ...{ numEmbeddings: 5, embeddingDim: 3, initRange: 0.5, seed: 2, name: "encoder" },
    });
    using same = parameter(gpu, "encoder.weight", [15], { range: 0.5, seed: 2 });
    assertEquals([...await gpu.readFloats(same)], await dataOf(gpu, table));
    using other = parameter(gpu, "decoder.weight", [15], { range: 0.5, seed: 2 });
    assertNotEquals(await gpu.read(other), await gpu.read(same));
    using seedless = parameter(gpu, "a", [4], { range: 1 });
    using first = parameter(gpu, "a", [4], { range: 1, seed: 0 });
    assertEquals(await gpu.read(seedless), await gpu.read(first));
    const values = Float32Array.of(1, -2, 3, 4);
    using given = parameter(gpu, "given", [2, 2], values);
    assertEquals([given.shape, await gpu.read(given)], [[2, 2], values]);
    assert([same, other, given].every(({ requiresGrad }) => requiresGrad));
    const wrong = () => parameter(gpu, "given", [2, 3], values);
    assertThrows(wrong, TypeError, "a tensor [2,3] of 4 elements");
    const list = () => parameter(gpu, "given", [2], [1, 2] as never);
    const message = "Cannot make a parameter: its values are [1,2], no Float32Array";
    assertThrows(list, TypeError, message);
  }));

Deno.test("a module has its parameters and those of its parts, in order, and frees them all", () =>
  withGpu((gpu) => {
    class Own extends Module {
      constructor(name: string) {
        super(name);
        this.parameter(gpu, "first", [2], { range: 1 });
        this.part(new Linear(gpu, { name: this.path("linear"), inFeatures: 2, outFeatures: 3 }));
        this.parameter(gpu, "last", [3], Float32Array.of(1, 2, 3));
      }
    }
    const { buffers } = gpu.memory;
    {
      using own = new Own("model");
      const names = own.parameters().map(([name, { shape }]) => `${name} [${shape}]`);
      const linear = ["model.linear.weight [3,2]", "model.linear.bias [3]"];
      assertEquals(names, ["model.first [2]", ...linear, "model.last [3]"]);
      assertEquals(gpu.memory.buffers, buffers + 4);
    }
    assertEquals(gpu.memory.buffers, buffers);
  }));

Deno.test("a tensor in a field that is no parameter of its owner would not be trained: parameters() refuses it", () =>
  withGpu((gpu) => {
    using linear = new Linear(gpu, { inFeatures: 2, outFeatures: 2 });
    using foreign = parameter(gpu, "gate", [2], { range: 1 });
    class Model extends Module {
      readonly part1 = this.part(new Linear(gpu, { name: "l", inFeatures: 2, outFeatures: 2 }));
      readonly shown = [this.part1.weight]; // a part's
      readonly own = { a: this.parameter(gpu, "a", [2], { range: 1 }) };
      readonly #shared = linear.weight; // another's
      readonly constant = this.#shared.reshape([4]);
      constructor(readonly gate: Tensor | { gate: Tensor } | undefined) {
        super();
      }
      override dispose() {
        super.dispose();
        this.constant.dispose();
      }
    }
    using model = new Model(undefined);
    assertEquals(model.parameters().map(([name]) => name), ["l.weight", "l.bias", "a"]);
    for (const gate of [foreign, { gate: foreign }]) {
      using wrong = new Model(gate);
      assertEquals(
        assertThrows(() => wrong.parameters(), TypeError).message,
        "Cannot list the parameters of Model: gate is no parameter of it; make it one with this.parameter(...), " +
          "or name the field #gate if it belongs to another module",
      );
    }
  }));

Deno.test("a part's own things on the GPU end with the module", () =>
  withGpu((gpu) => {
    class Model extends Module {
      constructor() {
        super();
        this.part(new IndexLinear(gpu, { embeddingDim: 2, numClasses: 3, noise: [1, 2, 3] }));
      }
    }
    const { buffers } = gpu.memory;
    new Model().dispose();
    assertEquals(gpu.memory.buffers, buffers);
  }));
