// Ids out of range: refused where they are used, by whichever way they came, without reading them back.

import { assertEquals, assertThrows } from "@std/assert";
import {
  AliasMultinomial,
  BatchNoise,
  type Gpu,
  IndexGRU,
  IndexLinear,
  type Step,
  type Tensor,
} from "../../../mod.ts";
import { storageIn } from "../../../kernels/device/tensor.ts";
import { Embedding, LSTM } from "../../../nce/nn/mod.ts";
import {
  add,
  crossEntropy,
  gather,
  indexScore,
  linearScorer,
  sum,
  tiledCrossEntropy,
} from "../../../kernels/ops.ts";
import type { Launch } from "../../../kernels/mod.ts";
import { withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

/** Classes, size of a vector, and ids of which the last is out of range. */
const V = 10, E = 4, GOOD = Uint32Array.of(1, 9, 0), BAD = Uint32Array.of(1, V, 0);

/** A kernel that makes each element 3. */
const WRITE_THREES = {
  label: "threes",
  source: `@group(0) @binding(0) var<storage, read_write> out: array<u32>;
    @compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) { out[id.x] = 3; }`,
  inputs: [],
} satisfies Partial<Launch>;

/** Ways by which ids come to the GPU: each gives a tensor [3] for a step. */
const WAYS: Record<string, (gpu: Gpu, step: Step, ids: Uint32Array) => Tensor> = {
  upload: (_gpu, step, ids) => step.upload(ids),
  tensor: (gpu, step, ids) => step.own(gpu.tensor([3], ids)),
  write: (gpu, step, ids) => {
    const tensor = step.upload(GOOD);
    gpu.write(tensor, ids);
    return tensor;
  },
  copy: (gpu, step, ids) => {
    const tensor = step.tensor([3], "u32");
    gpu.copy(step.upload(ids), tensor);
    return tensor;
  },
  "copy of a part": (gpu, step, ids) => {
    const tensor = step.upload(GOOD);
    gpu.copy(step.upload(ids), tensor, { fromStart: 1, toStart: 2, count: 1 });
    return tensor;
  },
  "write through a view": (gpu, step, ids) => {
    const whole = step.upload(GOOD), view = step.own(whole.reshape([3, 1]));
    gpu.write(view, ids);
    return whole;
  },
  "write through rows": (gpu, step, ids) => {
    const whole = step.upload(new Uint32Array(128), [2, 64]);
    gpu.write(step.own(whole.slice(1, 1)), new Uint32Array(64).fill(ids[1]!));
    return step.reshape(step.own(whole.slice(0, 1)), [64]);
  },
  "write over a kernel's": (gpu, step, ids) => {
    const tensor = step.tensor([3], "u32");
    gpu.dispatch({ ...WRITE_THREES, outputs: [tensor], grid: 3 });
    gpu.write(tensor, ids);
    return tensor;
  },
};

/** What uses ids of V classes: each for some ids of any number. */
function uses(gpu: Gpu, stack: DisposableStack): Record<string, (step: Step, ids: Tensor) => void> {
  const noise = Float32Array.from({ length: V }, (_, y) => 1 + y);
  const options = { embeddingDim: E, numClasses: V, noise, noiseRatio: 3 };
  const embedding = stack.use(new Embedding(gpu, { numEmbeddings: V, embeddingDim: E }));
  const layer = stack.use(new IndexLinear(gpu, options));
  const model = stack.use(new IndexGRU(gpu, { ...options, hiddenSize: E }));
  const alias = stack.use(new AliasMultinomial(gpu, noise));
  const batch = stack.use(new BatchNoise(gpu, noise));
  const x = (step: Step, { size }: Tensor) => step.upload(values(E * size, 1), [size, E]);
  const targets = (step: Step, { size }: Tensor) => step.upload(new Uint32Array(size));
  const { weight, bias } = layer;
  return {
    gather: (step, ids) => gather(step, weight, ids),
    Embedding: (step, ids) => embedding.forward(step, ids),
    indexScore: (step, ids) => indexScore(step, x(step, ids), weight, bias, ids),
    crossEntropy: (step, ids) => crossEntropy(step, x(step, ids), weight, bias, ids),
    tiledCrossEntropy: (step, ids) =>
      tiledCrossEntropy(step, linearScorer(step, x(step, ids), weight, bias), ids),
    "IndexLinear.forward": (step, ids) => layer.forward(step, ids, x(step, ids)),
    "IndexLinear.ceLoss": (step, ids) => layer.ceLoss(step, ids, x(step, ids)),
    "IndexLinear.getNoise": (step, ids) => layer.getNoise(step, ids),
    "IndexLinear.getScore, noise": (step, ids) =>
      layer.getScore(step, targets(step, ids), ids, x(step, ids)),
    "IndexGRU.forward, target": (step, ids) =>
      model.forward(step, ids, step.reshape(targets(step, ids), [1, ids.size])),
    "IndexGRU.forward, input": (step, ids) =>
      model.forward(step, targets(step, ids), step.reshape(ids, [1, ids.size])),
    "AliasMultinomial.logProb": (step, ids) => alias.logProb(step, ids),
    "AliasMultinomial.noiseOf": (step, ids) => alias.noiseOf(step, targets(step, ids), ids),
    "BatchNoise.sample": (step, target) =>
      batch.sample(step, { target, noiseRatio: 1, perWord: false }),
    "the rows of a gradient": (step, ids) => {
      const output = step.record({
        name: "own",
        inputs: [weight],
        output: step.tensor([ids.size, E]),
        backward: (values) => [{ kind: "sparse", ids, values }],
      });
      step.backward(sum(step, output)).get(weight);
    },
  };
}

Deno.test("an id out of range is refused by every use, by whichever way it came", () =>
  withGpu((gpu) => {
    using stack = new DisposableStack();
    for (const [use, run] of Object.entries(uses(gpu, stack))) {
      for (const [way, make] of Object.entries(WAYS)) {
        using step = gpu.step({ training: true });
        run(step, make(gpu, step, GOOD));
        const what = `${use}, ids by ${way}`;
        assertThrows(
          () => run(step, make(gpu, step, BAD)),
          RangeError,
          `up to ${V}, which is out`,
          what,
        );
      }
    }
  }));

Deno.test("ids that a kernel wrote, or nobody, are refused until someone says what they are below", () =>
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    const all = uses(gpu, stack);
    for (const [use, run] of Object.entries(all)) {
      using step = gpu.step({ training: true });
      const ids = step.tensor([3], "u32");
      assertThrows(() => run(step, ids), RangeError, "were not written from the CPU", use);
      gpu.dispatch({ ...WRITE_THREES, outputs: [ids], grid: 3 });
      assertThrows(() => run(step, ids), RangeError, "set their idLimit", use);
      ids.idLimit = V;
      run(step, ids);
      ids.idLimit = V + 1;
      assertThrows(() => run(step, ids), RangeError, `up to ${V}, which is out`, use);
    }
    using step = gpu.step();
    const ids = step.upload(GOOD);
    gpu.dispatch({ ...WRITE_THREES, outputs: [ids], grid: 3 });
    assertThrows(() => all["gather"]!(step, ids), RangeError, "set their idLimit");
    assertEquals([...await gpu.read(ids)], [3, 3, 3]);
  }));

Deno.test("idLimit follows what is written, and is that of all tensors that share a buffer", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const ids = step.upload(Uint32Array.of(3, 7, 5, 0)), pair = step.own(ids.reshape([2, 2]));
    assertEquals([ids.idLimit, pair.idLimit], [8, 8]);
    gpu.write(pair, Uint32Array.of(1, 2, 3, 4));
    assertEquals([ids.idLimit, pair.idLimit], [5, 5]);
    gpu.copy(step.upload(Uint32Array.of(0xffffffff)), ids, { toStart: 3 });
    assertEquals([ids.idLimit, pair.idLimit], [2 ** 32, 2 ** 32]);
    gpu.clear(ids);
    assertEquals([ids.idLimit, pair.idLimit], [1, 1]);
    pair.idLimit = 6;
    assertEquals(ids.idLimit, 6);
    for (const wrong of [0, -1, 1.5, NaN]) {
      assertThrows(() => ids.idLimit = wrong, RangeError, `idLimit is ${wrong}`);
    }
  }));

Deno.test("a buffer that comes from the pool again knows nothing of the ids that it held", () =>
  withGpu((gpu) => {
    const first = gpu.temporary([3], "u32"), { buffer } = storageIn(first);
    gpu.write(first, BAD);
    first.dispose();
    using second = gpu.temporary([2], "u32");
    assertEquals([storageIn(second).buffer === buffer, second.idLimit], [true, Infinity]);
    gpu.write(second, Uint32Array.of(0, 1));
    assertEquals(second.idLimit, 2);
  }));

Deno.test("u32 tensors that are no ids may come from a kernel: resets, and counters", () =>
  withGpu((gpu) => {
    using layer = new LSTM(gpu, { inputSize: 2, hiddenSize: 2 });
    using step = gpu.step();
    const resets = step.tensor([3, 1], "u32"), x = step.upload(values(6, 1), [3, 1, 2]);
    gpu.dispatch({ ...WRITE_THREES, outputs: [resets], grid: 3 });
    const { output } = layer.forward(step, x, { resets });
    assertEquals(add(step, output, output).shape, [3, 1, 2]);
  }));
