// NCELoss around scorers of a user's own: modes, noise and errors.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  type Gpu,
  IndexLinear,
  NCELoss,
  type NCEOptions,
  type NoiseSource,
  type Scores,
  type Step,
  type Tensor,
} from "../../mod.ts";
import type { NamedParameter } from "../../nce/nn/mod.ts";
import { gather, matmul, multiply, sum } from "../../kernels/ops.ts";
import { assertClose } from "../support/close.ts";
import { withGpu } from "../support/gpu.ts";
import { randomIds, values } from "../reference/data.ts";

const [N, E, F, V, K] = [5, 3, 4, 11, 6];
const COUNTS = Float64Array.from({ length: V }, (_, i) => 1 + i % 4);

/** `s(y) = x^T form table[y]`, written with public operations alone. */
class Bilinear extends NCELoss<[Tensor]> {
  /** [E, F] */
  readonly form: Tensor;
  /** [V, F] */
  readonly table: Tensor;

  constructor(gpu: Gpu, options: Partial<NCEOptions> = {}) {
    super(gpu, { noise: COUNTS, noiseRatio: K, normTerm: 1, reduction: "sum", ...options });
    this.form = gpu.tensor([E, F], values(E * F, 1));
    this.table = gpu.tensor([V, F], values(V * F, 2));
    this.form.requiresGrad = this.table.requiresGrad = true;
  }

  override getScore(step: Step, target: Tensor, noise: Tensor, x: Tensor): Scores {
    const turned = matmul(step, x, this.form);
    const products = multiply(step, turned, gather(step, this.table, target));
    const ones = step.upload(new Float32Array(F).fill(1), [F, 1]);
    return {
      target: step.reshape(matmul(step, products, ones), [target.size]),
      noise: matmul(step, turned, gather(step, this.table, noise), { transposeB: true }),
    };
  }

  override parameters(): NamedParameter[] {
    return [["form", this.form], ["table", this.table]];
  }
}

Deno.test("NCELoss throws a TypeError when there is no scorer of all classes or mix is evaluated", () =>
  withGpu((gpu) => {
    using criterion = new Bilinear(gpu);
    using step = gpu.step({ training: true });
    const target = step.upload(randomIds(N, V, 1)), x = step.upload(values(N * E, 3), [N, E]);
    criterion.lossType = "full";
    assertThrows(
      () => criterion.forward(step, target, x),
      TypeError,
      'Cannot compute loss "full": Bilinear has no scoreAllClasses()',
    );
    const noScorer = "Cannot run topK: Bilinear has no scoreAllClasses()";
    assertThrows(() => criterion.topK(step, 3, x), TypeError, noScorer);
    criterion.lossType = "mix";
    criterion.forward(step, target, x);
    using evaluation = gpu.step();
    const [t, i] = [
      evaluation.upload(randomIds(N, V, 1)),
      evaluation.upload(values(15, 3), [N, E]),
    ];
    const message = 'Cannot evaluate loss "mix"';
    assertThrows(() => criterion.forward(evaluation, t, i), TypeError, message);
  }));

Deno.test("NCELoss throws when noise ids or the scorer's shapes do not fit", () =>
  withGpu((gpu) => {
    using criterion = new Bilinear(gpu);
    using step = gpu.step({ training: true });
    const target = step.upload(randomIds(N, V, 1)), x = step.upload(values(N * E, 3), [N, E]);
    const noise = step.upload(Uint32Array.of(0, V));
    assertThrows(() => criterion.getScore(step, target, noise, x), RangeError, `up to ${V},`);
    const wrong = step.upload(values(N * E, 3), [E, N]);
    assertThrows(() => criterion.forward(step, target, wrong), TypeError);
    criterion.getScore = (step, target) => ({
      target: step.upload(values(target.size, 1)),
      noise: step.upload(values(K, 1), [1, K]),
    });
    assertThrows(() => criterion.forward(step, target, x), TypeError, "noise");
    criterion.getScore = () => undefined as never;
    const nothing = "Bilinear.getScore: what it gave is undefined, not an object of scores";
    assertThrows(() => criterion.forward(step, target, x), TypeError, nothing);
  }));

Deno.test("NCELoss throws when a source of noise does not give what was asked for", () =>
  withGpu((gpu) => {
    using step = gpu.step({ training: true });
    const x = step.upload(values(N * E, 1), [N, E]), target = step.upload(randomIds(N, V, 1));
    const message = (given: unknown, perWord = false) => {
      using criterion = new Bilinear(gpu, { perWord });
      Object.assign(criterion.noise, { sample: () => given });
      return assertThrows(() => criterion.forward(step, target, x), TypeError).message;
    };
    const nothing = "Cannot draw noise: what sample() gave is undefined, not an object";
    assertEquals(message(undefined), nothing);
    assertEquals(message(Promise.resolve()), "Cannot run sample(): ids is undefined, not a tensor");
    const shared = { ids: step.upload(randomIds(K, V, 2)) };
    const expected = `expected u32 of 2 dimensions, as [${N},${K}]`;
    assertEquals(message(shared, true), `Cannot run sample(): ids is u32 [${K}], ${expected}`);
  }));

Deno.test("a source of noise must have a probability for each class", () =>
  withGpu((gpu) => {
    const noise = (change: object): NoiseSource => ({
      ...{ numClasses: V, probabilities: new Float64Array(V).fill(1 / V), independent: true },
      ...{ sample: () => ({}) as never, [Symbol.dispose]: () => {} },
      ...change,
    });
    const refuse = (
      change: object,
      Kind: typeof TypeError | typeof RangeError,
      message: string,
    ) => {
      const options = { embeddingDim: E, numClasses: V, noise: noise(change) };
      const error = assertThrows(() => new IndexLinear(gpu, options), Kind);
      assertEquals(error.message, `Cannot make IndexLinear: ${message}`);
    };
    const short = `its noise has 3 probabilities for ${V} classes`;
    refuse({ probabilities: new Float64Array(3) }, RangeError, short);
    const none = "its noise's list of probabilities is undefined, not an array of numbers";
    refuse({ probabilities: undefined }, TypeError, none);
  }));

/** Noise over V classes that is always class 0, and of which only that has a finite ln q. */
function onlyFirst(probabilities: Float64Array): NoiseSource {
  return {
    ...{ numClasses: V, probabilities, independent: true },
    sample: (step, { target, noiseRatio }) => ({
      ids: step.upload(new Uint32Array(noiseRatio)),
      logProb: step.upload(new Float32Array(noiseRatio)),
      targetLogProb: step.upload(new Float32Array(target.size).fill(-Infinity)),
      samples: noiseRatio,
    }),
    [Symbol.dispose]: () => {},
  };
}

Deno.test("a criterion throws when a source of noise lacks a class", () =>
  withGpu((gpu) => {
    const floored = new Float64Array(V).fill(1e-10);
    floored[0] = 1;
    new Bilinear(gpu, { noise: onlyFirst(floored) }).dispose();
    const wrong: [number, string][] = [[0, "0"], [-1, "-1"], [NaN, "NaN"], [2, "2"]];
    for (const [q, shown] of wrong) {
      const noise = onlyFirst(floored.with(7, q));
      for (const lossType of ["nce", "neg", "sampled", "full"] as const) {
        assertThrows(
          () => new IndexLinear(gpu, { embeddingDim: E, numClasses: V, noise, lossType }),
          RangeError,
          `Cannot make IndexLinear: its noise has q = ${shown} for class 7, not in (0, 1]; give each`,
        );
      }
      assertThrows(() => new Bilinear(gpu, { noise }), RangeError, "Cannot make Bilinear: its");
    }
  }));

Deno.test("neg does not depend on q, be it 0 where noise is never drawn", () =>
  withGpu(async (gpu) => {
    const lossOf = async (noise: NoiseSource) => {
      using criterion = new Bilinear(gpu, { noise, lossType: "neg" });
      using step = gpu.step({ training: true });
      const target = step.upload(randomIds(N, V, 1)), x = step.upload(values(N * E, 3), [N, E]);
      const loss = criterion.forward(step, target, x), gradients = step.backward(loss);
      const gradient = gradients.toDense(criterion.form)!;
      return [...await gpu.readFloats(loss), ...await gpu.readFloats(gradient)];
    };
    const uniform = new Float64Array(V).fill(1 / V), source = onlyFirst(uniform);
    const finite: NoiseSource = {
      ...source,
      sample: (step, request) => ({
        ...source.sample(step, request),
        targetLogProb: step.upload(new Float32Array(request.target.size).fill(-1)),
      }),
    };
    const found = await lossOf(source);
    assert(found.every(Number.isFinite), `${found}`);
    assertEquals(found, await lossOf(finite));
  }));

Deno.test("lossType can be set between any two calls", () =>
  withGpu(async (gpu) => {
    using criterion = new IndexLinear(gpu, {
      embeddingDim: E,
      numClasses: V,
      noise: COUNTS,
      noiseRatio: K,
    });
    using step = gpu.step({ training: true });
    const target = step.upload(randomIds(N, V, 1)), x = step.upload(values(N * E, 3), [N, E]);
    const lossOf = async (lossType: "full" | "nce" | "sampled") => {
      criterion.lossType = lossType;
      return (await gpu.readFloats(criterion.forward(step, target, x)))[0]!;
    };
    const first = [await lossOf("full"), await lossOf("nce"), await lossOf("sampled")];
    const second = [await lossOf("full"), await lossOf("nce"), await lossOf("sampled")];
    assertEquals(first, second);
    assertEquals(new Set(first).size, 3);
  }));

Deno.test("removeHits takes hits from loss sampled, and changes no other", () =>
  withGpu(async (gpu) => {
    const lossesOf = async (removeHits: boolean) => {
      using criterion = new Bilinear(gpu, { removeHits, noiseRatio: 50 });
      using step = gpu.step({ training: true, number: 0 });
      const target = step.upload(randomIds(N, V, 1)), x = step.upload(values(N * E, 3), [N, E]);
      const losses = (["nce", "mix", "neg", "sampled"] as const).map((lossType) => {
        criterion.lossType = lossType;
        return criterion.forward(step, target, x);
      });
      return await Promise.all(losses.map(async (loss) => (await gpu.readFloats(loss))[0]));
    };
    const [all, without] = [await lossesOf(false), await lossesOf(true)];
    assertEquals(without.slice(0, 3), all.slice(0, 3));
    assert(without[3]! < all[3]!);
  }));

Deno.test("ceLoss() takes what forward() takes: targets and inputs of any shape", () =>
  withGpu(async (gpu) => {
    using layer = new IndexLinear(gpu, {
      ...{ embeddingDim: E, numClasses: V, noise: COUNTS, lossType: "full", reduction: "none" },
    });
    using step = gpu.step();
    const target = step.upload(randomIds(6, V, 1), [2, 3]);
    const x = step.upload(values(6 * E, 3), [2, 3, E]);
    const { loss } = layer.ceLoss(step, target, x);
    assertEquals(await gpu.read(loss), await gpu.read(layer.forward(step, target, x)));
    const large = step.upload(new Uint32Array(6).fill(V));
    assertThrows(() => layer.ceLoss(step, large, x), RangeError, `targets [6] may be up to ${V},`);
  }));

Deno.test("nce outside training is the unnormalised negative log probability, c - s", () =>
  withGpu(async (gpu) => {
    using criterion = new Bilinear(gpu, { reduction: "none", normTerm: 2.5 });
    using step = gpu.step();
    const target = step.upload(randomIds(N, V, 1)), x = step.upload(values(N * E, 3), [N, E]);
    const noise = criterion.getNoise(step, target).ids;
    const scores = await gpu.readFloats(criterion.getScore(step, target, noise, x).target);
    const loss = criterion.forward(step, target, x);
    assertClose(await gpu.readFloats(loss), scores.map((s) => 2.5 - s));
  }));

Deno.test("noise is drawn anew in each step, and the same for the same seed and number", () =>
  withGpu(async (gpu) => {
    for (const perWord of [false, true]) {
      using criterion = new Bilinear(gpu, { perWord });
      const draw = async (seed: number, number: number) => {
        using step = gpu.step({ training: true, seed, number });
        const { ids } = criterion.getNoise(step, step.upload(randomIds(N, V, 1)));
        assertEquals(ids.shape, perWord ? [N, K] : [K]);
        return [...await gpu.read(ids)];
      };
      assertEquals(await draw(1, 5), await draw(1, 5));
      assertNotEquals(await draw(1, 5), await draw(1, 6));
      assertNotEquals(await draw(1, 5), await draw(2, 5));
    }
  }));

Deno.test("a step draws its noise once, for the rows that it fetches and for its loss", () =>
  withGpu(async (gpu) => {
    using criterion = new Bilinear(gpu);
    /** The losses of targets, by seed, against k samples, in one step. */
    const lossesOf = async (fetched: boolean, ...cases: [seed: number, k: number][]) => {
      using step = gpu.step({ training: true, seed: 1, number: 0 });
      const x = step.upload(values(N * E, 3), [N, E]), losses: Tensor[] = [];
      const targets = [1, 2].map((seed) => step.upload(randomIds(N, V, seed)));
      const { rows } = await gpu.profile(() => {
        for (const [seed, k] of cases) {
          criterion.noiseRatio = k;
          const target = targets[seed - 1]!;
          if (fetched) criterion.scoredClasses(step, target);
          losses.push(criterion.forward(step, target, x));
        }
      });
      assertEquals(rows.find(({ label }) => label === "alias")?.runs, cases.length);
      return await Promise.all(losses.map(async (loss) => [...await gpu.read(loss)]));
    };
    const cases: [number, number][] = [[1, K], [2, K], [2, K + 1]], alone: number[][] = [];
    for (const one of cases) alone.push(...await lossesOf(false, one));
    for (const fetched of [false, true]) assertEquals(await lossesOf(fetched, ...cases), alone);
    assertEquals(new Set(alone.flat()).size, 3);
  }));

Deno.test("targets that are written anew have their own noise, in the same step and tensor", () =>
  withGpu(async (gpu) => {
    using criterion = new Bilinear(gpu);
    using step = gpu.step({ training: true, seed: 1 });
    const x = step.upload(values(N * E, 3), [N, E]);
    const [first, second] = [1, 2].map((seed) => randomIds(N, V, seed)),
      target = step.upload(first!);
    criterion.forward(step, target, x);
    gpu.write(target, second!);
    const losses = [target, step.upload(second!)].map((ids) => criterion.forward(step, ids, x));
    assertEquals(await gpu.read(losses[0]!), await gpu.read(losses[1]!));
  }));

Deno.test("disposing of an NCELoss frees parameters and noise", () =>
  withGpu((gpu) => {
    const criterion = new Bilinear(gpu);
    using step = gpu.step({ training: true });
    const target = step.upload(randomIds(N, V, 1)), x = step.upload(values(N * E, 3), [N, E]);
    step.backward(sum(step, criterion.forward(step, target, x)));
    criterion.dispose();
    step[Symbol.dispose]();
    assertEquals(gpu.memory.buffers, 0);
  }));
