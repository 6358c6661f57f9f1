// Parameters of modules, saved and loaded: what does not fit is refused before anything changes.

import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { type Gpu, NCELoss } from "../../../mod.ts";
import { Embedding, Linear, Module, type NamedParameter } from "../../../nce/nn/mod.ts";
import { type SavedTensors, SGD } from "../../../nce/nn/mod.ts";
import { gather, sum } from "../../../kernels/ops.ts";
import { withGpu } from "../../support/gpu.ts";

const V = 130;

/** Layers in it, and a parameter of its own. */
class Model extends Module {
  readonly words: Embedding;

  constructor(gpu: Gpu, seed: number, out = 2, own = true) {
    super();
    const sizes = { numEmbeddings: V, embeddingDim: 4, tableDtype: "f16" } as const;
    this.words = this.part(new Embedding(gpu, { ...sizes, seed, name: "words" }));
    this.part(new Linear(gpu, { inFeatures: 4, outFeatures: out, seed, name: "linear" }));
    if (own) this.parameter(gpu, "gate", [3], { range: 1, seed });
  }
}

const NAMES = ["words.weight", "linear.weight", "linear.bias", "gate"];

Deno.test("a module takes the parameters that another has saved, in parts or not", async () => {
  const all: SavedTensors[] = [];
  for (const maxBindingBytes of [2 ** 27, 1]) {
    await withGpu(async (gpu) => {
      using one = new Model(gpu, 1), other = new Model(gpu, 2);
      const saved = structuredClone(await one.save()), [words] = Object.values(saved);
      assertEquals(Object.keys(saved), NAMES);
      assertEquals([words!.dtype, words!.shape], ["f16", [V, 4]]);
      other.load(saved);
      assertEquals(await other.save(), saved);
      assertEquals(await gpu.read(other.words.parameters()[0]![1]), words!.data);
      using nothing = new class extends Module {}();
      nothing.load(await nothing.save());
      all.push(saved);
    }, { maxBindingBytes });
  }
  assertEquals(all[1], all[0]);
});

Deno.test("a module refuses parameters that are not its own, and keeps those that it has", () =>
  withGpu(async (gpu) => {
    using one = new Model(gpu, 1), wide = new Model(gpu, 2, 3), less = new Model(gpu, 2, 2, false);
    const before = await one.save(), gate = before["gate"]!;
    const optimizer = { kind: "SGD", lr: 1, counts: {}, tensors: before };
    const wrong: readonly [saved: object, message: string][] = [
      [await wide.save(), "linear.weight is f32 [3,4], expected f32 [2,4]"],
      [await less.save(), `gate is missing among ${Object.keys(await less.save()).join(", ")}`],
      [{}, `${Object.keys(before)[0]} is missing among no tensors`],
      [optimizer, `${Object.keys(before)[0]} is missing among kind, lr, counts, tensors`],
      [{ ...before, more: gate }, "it has no tensor more"],
      [{ ...before, gate: null }, "gate is null, not a saved tensor"],
      [{ ...before, gate: { ...gate, dtype: "u32" } }, "gate is u32 [3], expected f32 [3]"],
      [{ ...before, gate: { ...gate, shape: "3" } }, 'gate is f32 "3", expected f32 [3]'],
      [
        { ...before, gate: { ...gate, data: new Float32Array(2) } },
        "the numbers of gate are f32 [2], expected f32 [3]",
      ],
      [new Map(Object.entries(before)), "tensors are a Map, not an object"],
    ];
    for (const [saved, message] of wrong) {
      const error = assertThrows(() => one.load(saved as SavedTensors), Error);
      assertEquals(error.message, `Cannot load Model: ${message}`);
    }
    assertEquals(await one.save(), before);
    const many = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`other${i}`, gate]));
    assertThrows(() => one.load(many), RangeError, "other3, other4 and 2 more");
  }));

/** A module that gets its parameter late. */
class Late extends Module {
  make(gpu: Gpu): void {
    this.parameter(gpu, "gate", [3], { range: 1, seed: 1 });
  }
}

/** One whose parameter belongs to somebody else. */
class Lent extends Module {
  readonly #gate: NamedParameter;

  constructor(gate: NamedParameter) {
    super();
    this.#gate = gate;
  }

  override parameters(): NamedParameter[] {
    return [this.#gate];
  }
}

/** A loss whose only parameter is c. */
class OnlyC extends NCELoss<[]> {
  override getScore(): never {
    throw new Error("no score");
  }
}

Deno.test("all that parameters() lists is saved and loaded, wherever a module has it from", () =>
  withGpu(async (gpu) => {
    using owner = new (class extends Module {
      readonly late = this.part(new Late("late"));
    })();
    owner.late.make(gpu);
    using lent = new Lent(owner.parameters()[0]!);
    using c = new OnlyC(gpu, { noise: [1, 2], normTerm: "learned" });
    for (const module of [owner, lent, c]) {
      const [[name, { size }]] = module.parameters() as [NamedParameter];
      const [entry] = Object.entries(await module.save()), data = new Float32Array(size).fill(7);
      assertEquals(entry?.[0], name);
      module.load({ [name]: { ...entry![1], data } });
      assertEquals((await module.save())[name]!.data, data);
    }
  }));

Deno.test("a module of which two parameters have one name is not saved, nor loaded; one that is listed twice is", () =>
  withGpu(async (gpu) => {
    const sizes = { inFeatures: 2, outFeatures: 1 };
    class Twins extends Module {
      readonly one = this.part(new Linear(gpu, sizes));

      constructor(other?: Linear) {
        super();
        this.part(other ?? this.one);
      }
    }
    using twins = new Twins(new Linear(gpu, { ...sizes, seed: 1 })), tied = new Twins();
    const saved = await tied.save();
    assertEquals(Object.keys(saved), ["weight", "bias"]);
    tied.load(saved);
    const message = "Twins: two tensors are called weight; give each layer a name of its own";
    await assertRejects(() => twins.save(), RangeError, `Cannot save ${message}`);
    assertThrows(() => twins.load(saved), RangeError, `Cannot load ${message}`);
  }));

Deno.test("saving a module applies what is deferred, loading drops it; a change meanwhile is an error", () =>
  withGpu(async (gpu) => {
    using one = new Model(gpu, 1), other = new Model(gpu, 1);
    const move = (model: Model, optimizer: SGD) => {
      using step = gpu.step({ training: true });
      const rows = gather(step, model.words.parameters()[0]![1], step.upload(Uint32Array.of(1, 5)));
      optimizer.step(step.backward(sum(step, rows)));
    };
    using optimizer = new SGD(gpu, one.parameters(), { lr: 0.1, momentum: 0.9 });
    const start = await one.save();
    for (let i = 0; i < 3; i++) move(one, optimizer);
    one.load(start);
    assertEquals(await one.save(), start);
    move(one, optimizer);
    const saving = one.save();
    gpu.clear(one.parameters().at(-1)![1]);
    const message = "Cannot save Model: gate changed meanwhile; await save() first";
    await assertRejects(() => saving, TypeError, message);
    other.load(await one.save());
    assertEquals(await other.save(), await one.save());
    move(one, optimizer);
    const waiting = await optimizer.save();
    {
      using _undisturbed = optimizer.undisturbed();
      await one.save();
    }
    assertEquals(await optimizer.save(), waiting);
    await one.save();
    assertNotEquals(await optimizer.save(), waiting);
  }));

Deno.test("a module with a shard is not saved by one rank alone", () =>
  withGpu(async (gpu) => {
    const shard = { rank: 1, ranks: 2 };
    using words = new Embedding(gpu, { numEmbeddings: 5, embeddingDim: 4, name: "words", shard });
    const message = "Embedding: of words.weight a rank has a shard alone";
    await assertRejects(() => words.save(), TypeError, `Cannot save ${message}`);
    const weight = { shape: [5, 4], dtype: "f32", data: new Float32Array(20) } as const;
    assertThrows(() => words.load({ "words.weight": weight }), TypeError, `Cannot load ${message}`);
  }));
