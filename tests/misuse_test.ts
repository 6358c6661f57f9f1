// Misuse that one wrong argument does not show: what is set later, does not fit together, or fails half-way.

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  AliasMultinomial,
  auditGradient,
  Gpu,
  IndexGRU,
  IndexLinear,
  type LossType,
  type NCEOptions,
  type TensorData,
  UniqueNoise,
} from "../mod.ts";
import { Embedding, GRU, LSTM, SGD } from "../nce/nn/mod.ts";
import { add, relu, scale, sum } from "../kernels/ops.ts";
import { assertClose } from "./support/close.ts";
import { withGpu } from "./support/gpu.ts";
import { values } from "./reference/data.ts";

const NOISE = [1, 2, 3, 4], OPTIONS = { embeddingDim: 4, numClasses: 4, noise: NOISE };

Deno.test("lr, lossType and noiseRatio are checked when they are set later, and then stay as they were", () =>
  withGpu((gpu) => {
    using layer = new IndexLinear(gpu, { ...OPTIONS, noiseRatio: 5 });
    using optimizer = new SGD(gpu, layer.parameters(), { lr: 0.5 });
    for (const lr of [NaN, 0, -1, Infinity]) {
      assertThrows(
        () => optimizer.lr = lr,
        RangeError,
        `lr is ${lr}, not a positive finite number`,
      );
    }
    for (const ratio of [NaN, 0, -1, 2.5, Infinity]) {
      assertThrows(() => layer.noiseRatio = ratio, RangeError, `noiseRatio is ${ratio}`);
    }
    const unknown = "nse" as LossType;
    assertThrows(
      () => layer.lossType = unknown,
      RangeError,
      'lossType is "nse", not one of "full"',
    );
    assertEquals([optimizer.lr, layer.noiseRatio, layer.lossType], [0.5, 5, "nce"]);
    optimizer.lr = 0.25, layer.noiseRatio = 7, layer.lossType = "mix";
    assertEquals([optimizer.lr, layer.noiseRatio, layer.lossType], [0.25, 7, "mix"]);
  }));

Deno.test("a class without a name is called what it extends", () =>
  withGpu((gpu) => {
    const Loss = (() => class extends IndexLinear {})(), Layer = (() => class extends LSTM {})();
    const sizes = { inputSize: 2, hiddenSize: 2 };
    const fails = (run: () => unknown, message: string) => assertThrows(run, RangeError, message);
    fails(
      () => new Loss(gpu, { ...OPTIONS, noiseRatio: 0 }),
      "Cannot make IndexLinear: noiseRatio",
    );
    fails(() => new Layer(gpu, { ...sizes, numLayers: 0 }), "Cannot make LSTM: numLayers is 0");
    using loss = new Loss(gpu, OPTIONS), layer = new Layer(gpu, sizes), step = gpu.step();
    fails(() => loss.noiseRatio = 0, "Cannot set IndexLinear: noiseRatio is 0");
    const x = step.upload(values(4, 1), [1, 2, 2]);
    assertThrows(() => layer.forward(step, x, null!), TypeError, "Cannot run LSTM: input is null");
  }));

Deno.test("noise that was made for one ratio is refused with another, at the start and later", () =>
  withGpu((gpu) => {
    using noise = new UniqueNoise(gpu, NOISE, 3);
    const options = { ...OPTIONS, noise, lossType: "sampled" } as const;
    const message = "Cannot draw 2 unique samples: made for 3";
    assertThrows(() => new IndexLinear(gpu, { ...options, noiseRatio: 2 }), RangeError, message);
    using layer = new IndexLinear(gpu, options); // which takes the ratio of its noise
    assertThrows(() => layer.noiseRatio = 2, RangeError, message);
    assertEquals(layer.noiseRatio, 3);
  }));

Deno.test("a constructor that fails leaves nothing on the GPU, whatever it had to make", () =>
  withGpu((gpu) => {
    const huge = gpu.maxTensorBytes / 4, options = { ...OPTIONS, hiddenSize: 4 };
    const shape = { inputSize: 4, hiddenSize: 4 }, root = Math.ceil(Math.sqrt(huge));
    const fails: Record<string, () => unknown> = {
      "IndexLinear, embeddingDim": () => new IndexLinear(gpu, { ...OPTIONS, embeddingDim: huge }),
      "IndexLinear, lossType": () =>
        new IndexLinear(gpu, { ...OPTIONS, lossType: "x" as LossType }),
      "IndexLinear, seed": () => new IndexLinear(gpu, { ...OPTIONS, seed: -1 }),
      "IndexGRU, embeddingDim": () => new IndexGRU(gpu, { ...options, embeddingDim: huge }),
      "IndexGRU, hiddenSize": () => new IndexGRU(gpu, { ...options, hiddenSize: root }),
      "IndexGRU, dropout": () => new IndexGRU(gpu, { ...options, dropout: NaN }),
      "LSTM, inputSize": () => new LSTM(gpu, { ...shape, inputSize: huge }),
      "LSTM, hiddenSize": () => new LSTM(gpu, { ...shape, hiddenSize: root }),
      "LSTM, numLayers": () => new LSTM(gpu, { ...shape, numLayers: 2 ** 31 - 1 }),
      "GRU, numLayers": () => new GRU(gpu, { ...shape, numLayers: 2.5 }),
      "GRU, dropout of one layer": () => new GRU(gpu, { ...shape, dropout: NaN }),
      "Embedding, embeddingDim": () => new Embedding(gpu, { numEmbeddings: 4, embeddingDim: huge }),
      "Embedding, initRange": () =>
        new Embedding(gpu, { numEmbeddings: 4, embeddingDim: 4, initRange: NaN }),
    };
    for (const [name, fail] of Object.entries(fails)) {
      assertThrows(fail, RangeError, "Cannot make", name);
      assertEquals(gpu.memory.buffers, 0, name);
    }
  }));

Deno.test("a source of noise stays its maker's when the layer for it cannot be made", () =>
  withGpu((gpu) => {
    using noise = new AliasMultinomial(gpu, NOISE);
    assertThrows(() => new IndexLinear(gpu, { ...OPTIONS, noise, embeddingDim: 0 }), RangeError);
    using layer = new IndexLinear(gpu, { ...OPTIONS, noise });
    assertEquals(layer.noise, noise);
  }));

Deno.test("data is a Float32Array or a Uint32Array: the error of anything else says what to write", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    using tensor = gpu.tensor([2]);
    const wrong = [[1, 2], new Float64Array(2), new Int32Array(2), new Uint8Array(2), "12", null];
    for (const data of wrong as unknown as TensorData[]) {
      for (
        const use of [
          () => step.upload(data),
          () => gpu.write(tensor, data),
          () => gpu.tensor([2], data),
        ]
      ) {
        const { message } = assertThrows(use, TypeError, "Cannot ");
        assertStringIncludes(
          message,
          "numbers as Float32Array.from(...), ids as Uint32Array.from(",
        );
      }
    }
    assertThrows(
      () => step.upload(new Float64Array(2) as unknown as TensorData),
      TypeError,
      "a Float64Array",
    );
    assertThrows(() => gpu.tensor([3], values(2, 1)), TypeError, "a tensor [3] of 2 elements");
    assertThrows(
      () => step.upload(values(2, 1), [3]),
      TypeError,
      "Cannot upload 2 elements as [3]",
    );
  }));

Deno.test("numbers and seeds of steps are integers that the counters of random numbers can hold", () =>
  withGpu((gpu) => {
    for (const number of [-1, 0.5, NaN, 2 ** 32, Infinity]) {
      assertThrows(
        () => gpu.step({ number }),
        RangeError,
        `number is ${number}, not an integer from 0`,
      );
    }
    for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
      assertThrows(() => gpu.step({ seed }), RangeError, `seed is ${seed}, not an integer from 0`);
    }
    using last = gpu.step({ number: 2 ** 32 - 1, seed: 2 ** 53 - 1 });
    assertEquals([last.number, last.seed], [2 ** 32 - 1, 2 ** 53 - 1]);
  }));

Deno.test("tensors of another device, of a step that has ended, and ids for numbers are refused", () =>
  withGpu(async (gpu) => {
    await using other = await Gpu.create();
    using step = gpu.step(), foreign = other.step();
    const x = step.upload(values(4, 1)), y = foreign.upload(values(4, 2));
    assertThrows(() => add(step, x, y), TypeError, "a tensor [4] belongs to another Gpu");
    assertThrows(() => gpu.copy(y, x), TypeError, "belongs to another Gpu");
    await assertRejects(() => gpu.read(y), TypeError, "belongs to another Gpu");
    assertThrows(() => relu(step, step.upload(Uint32Array.of(1))), TypeError, "x is u32 [1]");
    using tensor = gpu.tensor([4]);
    const ended = gpu.step();
    ended[Symbol.dispose]();
    assertThrows(
      () => ended.upload(values(4, 1)),
      TypeError,
      "Cannot use a step after it has ended",
    );
    assertThrows(() => relu(ended, tensor), TypeError, "Cannot use a step after it has ended");
  }));

Deno.test("SGD updates by one backward pass, each parameter once", () =>
  withGpu((gpu) => {
    using a = gpu.tensor([2], Float32Array.of(1, 2));
    using b = gpu.tensor([2]);
    a.requiresGrad = b.requiresGrad = true;
    const tied = [["encoder", a], ["decoder", a]] as const;
    assertThrows(() => new SGD(gpu, tied, { lr: 1 }), RangeError, "encoder and decoder are one");
    const named = (first: string, second: string) => () =>
      new SGD(gpu, [[first, a], [second, b]], { lr: 1 });
    assertThrows(
      named("weight", "weight"),
      RangeError,
      'two are called "weight"; give each a name',
    );
    const collide = '"costarring" and "liquid" give the same random numbers; rename one';
    assertThrows(named("costarring", "liquid"), RangeError, collide);
    using optimizer = new SGD(gpu, [["b", b]], { lr: 1 });
    using step = gpu.step({ training: true });
    const gradients = step.backward(sum(step, a));
    assertThrows(() => optimizer.step(gradients), TypeError, "from none of these parameters");
    const several = [gradients, gradients] as unknown as typeof gradients;
    assertThrows(() => optimizer.step(several), TypeError, "add() the losses");
  }));

Deno.test("the gradient of a batch's parts, added in one step, is that of the batch", () =>
  withGpu(async (gpu) => {
    using layer = new IndexLinear(gpu, { ...OPTIONS, noiseRatio: 5 });
    const ids = [1, 3, 0, 1], x = values(16, 1);
    const gradientsOf = async (parts: number) => {
      using step = gpu.step({ training: true, number: 3 });
      const rows = ids.length / parts;
      const losses = Array.from({ length: parts }, (_, i) => {
        const target = step.upload(Uint32Array.from(ids.slice(i * rows, (i + 1) * rows)));
        const input = step.upload(x.slice(4 * i * rows, 4 * (i + 1) * rows), [rows, 4]);
        return scale(step, layer.forward(step, target, input), 1 / parts);
      });
      const gradients = step.backward(losses.reduce((a, b) => add(step, a, b)));
      return await Promise.all(
        layer.parameters().map(([, parameter]) => gpu.readFloats(gradients.toDense(parameter)!)),
      );
    };
    const whole = await gradientsOf(1), halves = await gradientsOf(2);
    whole.forEach((gradient, i) => assertClose(halves[i]!, gradient, { atol: 1e-6 }));
  }));

Deno.test("a loss takes none but the options that it knows, numbers as numbers", () =>
  withGpu((gpu) => {
    const wrong: [Record<string, unknown>, string][] = [
      [
        { lossType: "NCE" },
        'Cannot make IndexLinear: lossType is "NCE", not one of "full", "nce", "sampled", "mix", "neg"',
      ],
      [{ reduction: "max" }, 'reduction is "max", not one of "none", "mean", "sum"'],
      [{ normTerm: "9" }, 'normTerm is "9", not one of "auto", "learned"'],
      [{ noiseRatio: "50" }, 'noiseRatio is "50", not a positive integer'],
      [{ perWord: 1 }, "perWord is 1, not true or false"],
      [{ noise: undefined }, "it is undefined, neither an array of counts nor a source of noise"],
      [{ noise: [1, 2, "x", 4] }, "class 2 has weight NaN"],
      [{ noise: { length: 4 } }, "it is an object, neither an array of counts nor a source"],
      [{ noise: new DataView(new ArrayBuffer(4)) }, "it is a DataView, neither an array of counts"],
    ];
    for (const [change, message] of wrong) {
      const options = { ...OPTIONS, ...change } as typeof OPTIONS & NCEOptions;
      assertThrows(() => new IndexLinear(gpu, options), Error, message);
    }
  }));

Deno.test("a misspelt option is named, with all that there are", () =>
  withGpu(async (gpu) => {
    using layer = new IndexLinear(gpu, { ...OPTIONS, name: "layer" });
    const parameters = layer.parameters();
    const wrong: [() => unknown, string][] = [
      [
        () => new SGD(gpu, parameters, Object.assign({ lr: 1 }, { momentun: 0.9 })),
        'Cannot make SGD: "momentun" in options is none of lr, weightDecay, clip, seed, momentum',
      ],
      [
        () => new IndexLinear(gpu, Object.assign({ noiseRatoi: 5 }, OPTIONS)),
        'Cannot make IndexLinear: "noiseRatoi" in options is none of embeddingDim, numClasses, noise, ' +
        "noiseRatio, normTerm, reduction, perWord, lossType, removeHits, selfNorm, name, tableDtype, " +
        "seed, shard",
      ],
      [
        () => gpu.step(Object.create({ trainig: true })), // inherited
        'Cannot begin a step: "trainig" in options is none of training, dropout, seed, number, part',
      ],
    ];
    for (const [run, message] of wrong) {
      assertEquals(assertThrows(run, TypeError).message, message);
    }
    const create = Object.assign({ hardwear: true });
    await assertRejects(
      () => Gpu.create(create),
      TypeError,
      'Cannot create a Gpu: "hardwear" in options is none of hardware, family, compute, maxBindingBytes',
    );
  }));

Deno.test("auditGradient() rejects draws, seeds and criteria that are none", () =>
  withGpu(async (gpu) => {
    using layer = new IndexLinear(gpu, OPTIONS);
    const none = {} as unknown as typeof layer;
    const audit = (options: object, criterion = layer) =>
      auditGradient(gpu, criterion, (step) => {
        return layer.forward(
          step,
          step.upload(Uint32Array.of(1)),
          step.upload(values(4, 1), [1, 4]),
        );
      }, options);
    await assertRejects(
      () => audit({ draws: 1 }),
      RangeError,
      "draws is 1, not an integer from 2 on",
    );
    await assertRejects(() => audit({ seed: -1 }), RangeError, "seed is -1");
    await assertRejects(() => audit({ number: 0.5 }), RangeError, "number is 0.5");
    await assertRejects(() => audit({ draw: 4 }), TypeError, '"draw" in options is none of draws,');
    await assertRejects(() => audit({}, none), TypeError, "criterion is an object");
  }));
