// The definitions in docs/nce.md do what the text says. The types of all examples are checked by the task `ok`,
// and whole programs run in tests/package.

import { assert, assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { add, sum, type TopK } from "../kernels/ops.ts";
import {
  type BatchNoise,
  type Gpu,
  IndexLinear,
  type NCELoss,
  type NCEOptions,
  type Step,
  type Tensor,
} from "../mod.ts";
import { Adagrad, Adam, type Module, type Optimizer, SGD } from "../nce/nn/mod.ts";
import { assertClose } from "./support/close.ts";
import { inFolder } from "./support/folder.ts";
import { withGpu } from "./support/gpu.ts";
import { numbersOf } from "./support/numbers.ts";

const ROOT = join(import.meta.dirname!, "..");

/** A batch, or a part of one. */
type Batch = readonly [target: Tensor, x: Tensor];

/** What the text defines. */
interface Definitions {
  mixedNoise(gpu: Gpu, counts: ArrayLike<number>): BatchNoise;
  TiedOutput: new (gpu: Gpu, table: Tensor, options: NCEOptions) => NCELoss<[Tensor]> & {
    readonly bias: Tensor;
  };
  recommend(step: Step, users: Tensor, items: Tensor, bias: Tensor): TopK;
  score(
    layer: IndexLinear,
    step: Step,
    ...batch: Batch
  ): { raw: Tensor; exact: Tensor; logZ: Tensor };
  trainOn(
    gpu: Gpu,
    layer: IndexLinear,
    optimizer: Optimizer,
    x: Float32Array,
    targets: Uint32Array,
  ): Promise<Float32Array>;
  update(
    step: Step,
    layer: IndexLinear,
    optimizer: Optimizer,
    parts: readonly [Batch, Batch],
  ): void;
  grow(model: Module, optimizer: Optimizer, grown: Optimizer): Promise<void>;
}

/** Runs `body` with the definitions, which import the library by the names that users import. */
function withDefinitions(body: (defined: Definitions, gpu: Gpu) => Promise<void>): Promise<void> {
  const text = Deno.readTextFileSync(join(ROOT, "docs", "nce.md"));
  const entries = Object.entries(config.exports).map(([name, path]) =>
    [`"${name.replace(".", config.name)}"`, `"${toFileUrl(join(ROOT, path))}"`] as const
  );
  const blocks = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, block]) =>
    entries.reduce((block, [name, url]) => block.replaceAll(name, url), block!)
  );
  const files = Object.fromEntries(blocks.map((block, i) => [`${i}.ts`, block]));
  return inFolder(async (folder) => {
    const urls = Object.keys(files).map((name) => toFileUrl(join(folder, name)).href);
    const modules: Partial<Definitions>[] = await Promise.all(urls.map((url) => import(url)));
    const defined = Object.assign({}, ...modules) as Definitions;
    await withGpu((gpu) => body(defined, gpu));
  }, files);
}

const [N, E, V, K] = [6, 5, 23, 4];
const COUNTS = Float32Array.from({ length: V }, (_, y) => V - y);
const TARGETS = Uint32Array.of(0, 7, 3, 3, 22, 1);
const INPUTS = Float32Array.from({ length: N * E }, (_, i) => Math.sin(i * i));

/** A part of the batch, from row `begin` up to `end`. */
function rows(step: Step, begin = 0, end = N): Batch {
  const x = INPUTS.slice(begin * E, end * E);
  return [step.upload(TARGETS.slice(begin, end)), step.upload(x, [end - begin, E])];
}

Deno.test("mixedNoise() is the other targets of the batch, and samples besides", () =>
  withDefinitions(async ({ mixedNoise }, gpu) => {
    using noise = mixedNoise(gpu, COUNTS);
    using step = gpu.step();
    const [target] = rows(step);
    const { ids, samples } = noise.sample(step, { target, noiseRatio: K, perWord: false });
    assertEquals((await gpu.read(ids)).slice(0, N), TARGETS);
    assertEquals([ids.size, samples], [N + K, N - 1 + K]);
  }));

Deno.test("TiedOutput has the losses of an IndexLinear of the same numbers", () =>
  withDefinitions(async ({ TiedOutput }, gpu) => {
    for (const perWord of [false, true]) {
      const options = { noise: COUNTS, noiseRatio: K, perWord, reduction: "none" } as const;
      using layer = new IndexLinear(gpu, { embeddingDim: E, numClasses: V, ...options });
      using tied = new TiedOutput(gpu, layer.weight, options);
      for (const lossType of ["nce", "sampled", "full"] as const) {
        const [expected, losses] = await Promise.all([layer, tied].map((scorer) => {
          scorer.lossType = lossType;
          using step = gpu.step({ training: true, number: 1 });
          return gpu.readFloats(scorer.forward(step, ...rows(step)));
        }));
        assertClose(losses!, expected!, {}, `${lossType}, ${perWord}`);
      }
    }
  }));

Deno.test("trainOn() moves the layer, and gives the gradient of what it was given", () =>
  withDefinitions(async ({ trainOn }, gpu) => {
    const options = { noise: COUNTS, lossType: "full", seed: 1 } as const;
    using layer = new IndexLinear(gpu, { embeddingDim: E, numClasses: V, ...options });
    using optimizer = new SGD(gpu, layer.parameters(), { lr: 0.5 });
    const lossOf = async (x: Float32Array) => {
      using step = gpu.step();
      const loss = layer.forward(step, step.upload(TARGETS), step.upload(x, [N, E]));
      return (await gpu.readFloats(loss))[0]!;
    };
    const before = await lossOf(INPUTS);
    const slopes = [];
    for (const at of [0, 7, N * E - 1]) {
      const moved = [0.05, -0.05].map((d) => lossOf(INPUTS.map((x, i) => i === at ? x + d : x)));
      const [above, below] = await Promise.all(moved);
      slopes.push((above! - below!) / 0.1);
    }
    const gradient = await trainOn(gpu, layer, optimizer, INPUTS, TARGETS);
    const found = [0, 7, N * E - 1].map((at) => gradient[at]!);
    assertClose(found, slopes, { atol: 1e-4 });
    assert(await lossOf(INPUTS) < before - 0.05);
  }));

Deno.test("recommend() gives each user the ten best items", () =>
  withDefinitions(async ({ recommend }, gpu) => {
    const items = Float32Array.from({ length: V * E }, (_, i) => Math.cos(i * i));
    const bias = Float32Array.from({ length: V }, (_, y) => Math.sin(y));
    using step = gpu.step();
    const { ids } = recommend(
      step,
      step.upload(INPUTS, [N, E]),
      step.upload(items, [V, E]),
      step.upload(bias),
    );
    const expected = Array.from({ length: N }, (_, n) => {
      const scores = Array.from(
        bias,
        (b, y) =>
          b +
          [...Array(E).keys()].reduce((sum, e) => sum + INPUTS[n * E + e]! * items[y * E + e]!, 0),
      );
      return [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!).slice(0, 10);
    });
    assertEquals([...await gpu.read(ids)], expected.flat());
  }));

Deno.test("score() gives raw and exact log probabilities, which differ by ln Z less the norm term", () =>
  withDefinitions(async ({ score }, gpu) => {
    const options = { noise: COUNTS, normTerm: 2, reduction: "none" } as const;
    using layer = new IndexLinear(gpu, { embeddingDim: E, numClasses: V, ...options });
    using step = gpu.step();
    const { raw, exact, logZ } = score(layer, step, ...rows(step));
    const [r, e, z] = await Promise.all([raw, exact, logZ].map((all) => gpu.readFloats(all)));
    assertClose(e!.map((loss, n) => loss - r![n]!), z!.map((logZ) => logZ - 2), { atol: 1e-5 });
  }));

Deno.test("update() of two parts is that of the whole batch", () =>
  withDefinitions(async ({ update }, gpu) => {
    const after = async (step: (layer: IndexLinear, optimizer: SGD) => void) => {
      const sizes = { embeddingDim: E, numClasses: V };
      using layer = new IndexLinear(gpu, { ...sizes, noise: COUNTS, noiseRatio: K });
      const before = await numbersOf(gpu, layer.parameters());
      using optimizer = new SGD(gpu, layer.parameters(), { lr: 0.5 });
      step(layer, optimizer);
      return { before, after: await numbersOf(gpu, layer.parameters()) };
    };
    const inParts = await after((layer, optimizer) => {
      using step = gpu.step({ training: true, number: 1 });
      update(step, layer, optimizer, [rows(step, 0, N / 2), rows(step, N / 2)]);
    });
    const whole = await after((layer, optimizer) => {
      using step = gpu.step({ training: true, number: 1 });
      optimizer.step(step.backward(layer.forward(step, ...rows(step))));
    });
    for (const [name, numbers] of whole.after) {
      assertClose(inParts.after.get(name)!, numbers, {}, name);
      assert(numbers.some((number, i) => number !== whole.before.get(name)![i]), `${name} moves`);
    }
  }));

Deno.test("grow() goes on with more classes: the old ones are trained as if there were no others", () =>
  withDefinitions(async ({ grow }, gpu) => {
    const makers = [
      (layer: Module) => new SGD(gpu, layer.parameters(), { lr: 0.1, momentum: 0.9 }),
      (layer: Module) => new Adam(gpu, layer.parameters(), { lr: 0.1 }),
      (layer: Module) => new Adagrad(gpu, layer.parameters(), { lr: 0.1, rowwise: true }),
    ];
    for (const optimizerOf of makers) {
      const layerOf = (numClasses: number) =>
        new IndexLinear(gpu, {
          ...{ embeddingDim: E, numClasses, noise: [...COUNTS, 5, 5].slice(0, numClasses) },
          ...{ noiseRatio: K, normTerm: Math.log(V) },
        });
      using layer = layerOf(V), grown = layerOf(V + 2);
      using optimizer = optimizerOf(layer), later = optimizerOf(grown);
      // Of these classes alone: noise is other classes where there are more.
      const train = (of: IndexLinear, own: Optimizer, number: number) => {
        using step = gpu.step({ training: true, number });
        const [target, x] = rows(step);
        const noise = step.upload(Uint32Array.of(1, 4, 22));
        const scores = of.getScore(step, target, noise, x);
        own.step(step.backward(add(step, sum(step, scores.target), sum(step, scores.noise))));
      };
      for (let number = 0; number < 3; number++) train(layer, optimizer, number);
      const start = await grown.save();
      await grow(layer, optimizer, later);
      for (let number = 3; number < 6; number++) {
        train(layer, optimizer, number);
        train(grown, later, number);
      }
      const [old, all] = [await layer.save(), await grown.save()];
      for (const [name, { data }] of Object.entries(all)) {
        const size = old[name]!.data.length;
        assertEquals(data.slice(0, size), old[name]!.data, name);
        assertEquals(data.slice(size), start[name]!.data.slice(size), name);
      }
    }
  }));
