// What the commonest mistakes are told: the message names the thing and the cure, whole and in one line.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AliasMultinomial,
  BatchNoise,
  Gpu,
  IndexGRU,
  IndexLinear,
  type Step,
  Tensor,
  UniqueNoise,
  UseAfterDisposeError,
} from "../mod.ts";
import { Dropout, Embedding, GRU, Linear, LSTM, Module, SGD } from "../nce/nn/mod.ts";
import { add, gather, scale, sum } from "../kernels/ops.ts";
import { show } from "../kernels/device/expect.ts";
import { values } from "./reference/data.ts";
import { withGpu } from "./support/gpu.ts";

const OPTIONS = { embeddingDim: 4, numClasses: 4, noise: [1, 2, 3, 4] };

/** What no type allows, as JavaScript passes it. */
function wrong(value: unknown): never {
  return value as never;
}

function messageOf(run: () => unknown): string {
  return assertThrows(run, Error).message;
}

Deno.test("errors show short arrays and texts whole, and of others what they are", () => {
  assertEquals(show([1, -2.5, "a", true, undefined]), "[1,-2.5,a,true,undefined]");
  assertEquals(show(Array(8).fill(1)), "[1,1,1,1,1,1,1,1]");
  assertEquals(show(Array(9).fill(1)), "an array of 9");
  for (const element of [{}, null, Symbol.iterator, 1n, [1], () => 1]) {
    assertEquals(show([1, element]), "an array of 2");
  }
  assertEquals([show("a".repeat(200)).length, show("a".repeat(201))], [
    202,
    "a text of 201 characters",
  ]);
});

Deno.test("arrays, however long, are named in errors, not printed", () =>
  withGpu((gpu) => {
    using step = gpu.step(), weight = gpu.tensor([4, 2]);
    const long = new Array(200_000).fill(1);
    assertEquals(
      messageOf(() => step.upload(wrong(long))),
      "Cannot upload an array of 200000: give numbers as Float32Array.from(...), ids as Uint32Array.from(...)",
    );
    assertEquals(
      messageOf(() => gpu.tensor(long)),
      "Cannot make a tensor: its shape is an array of 200000, not an array of positive integers, 8 at most",
    );
    assertEquals(
      messageOf(() => gpu.tensor(wrong([weight, 2]))),
      "Cannot make a tensor an array of 2: sizes must be positive integers",
    );
    assertEquals(
      messageOf(() => new SGD(wrong([["emb.weight", weight]]), wrong({ lr: 1 }), wrong(undefined))),
      "Cannot make SGD: gpu is an array of 1, not a Gpu (await Gpu.create())",
    );
  }));

Deno.test("a tensor that is read after its step is told of keep()", () =>
  withGpu((gpu) => {
    let loss: Tensor;
    {
      using step = gpu.step();
      loss = sum(step, step.upload(values(3, 1)));
    }
    assertEquals(
      messageOf(() => gpu.copy(loss, loss)),
      "Cannot use a tensor [1] after its owner has disposed of it; read what a step computes within the " +
        "step, or keep it: step.keep(tensor)",
    );
  }));

Deno.test("backward() says why no gradient can flow", () =>
  withGpu((gpu) => {
    using plain = gpu.step(), step = gpu.step({ training: true }), ended = gpu.step();
    const weight = step.upload(values(3, 1));
    const why = (of: Step, loss: Tensor) => messageOf(() => of.backward(loss)).split(": ", 2)[1];
    const parameterless =
      "the step has not computed it from a parameter, a tensor with requiresGrad";
    assertEquals(why(step, sum(step, weight)), parameterless);
    weight.requiresGrad = true;
    assertEquals(
      messageOf(() => plain.backward(sum(plain, weight))),
      "Cannot go backward from [1]: the step is no training step: gpu.step({ training: true })",
    );
    assertEquals(
      messageOf(() => step.backward(add(step, weight, weight))),
      "Cannot go backward from [3]: it is not one number; take its mean() or sum()",
    );
    assertEquals(why(step, sum(plain, weight)), parameterless);
    const first = sum(step, weight), second = sum(step, weight);
    step.backward(first);
    const again =
      "the step has not computed it since it last went backward; to go from several losses, " +
      "add() them first";
    assertEquals([why(step, first), why(step, second)], [again, again]);
    ended[Symbol.dispose]();
  }));

Deno.test("backward() says where a gradient would end unseen", () =>
  withGpu((gpu) => {
    using other = gpu.step({ training: true }), step = gpu.step({ training: true });
    const weight = step.upload(values(3, 1));
    weight.requiresGrad = true;
    const why = (x: Tensor) => messageOf(() => step.backward(sum(step, x)));
    const cure =
      "Cannot go backward through sum: it reads [3] of another step, or from before the " +
      "last backward(); compute it again, or take it as a constant: step.own(x.reshape(x.shape))";
    const foreign = scale(other, weight, 2), own = scale(step, weight, 2);
    assertEquals(why(foreign), cure);
    step.backward(sum(step, own));
    assertEquals(why(own), cure);
    const constant = step.own(foreign.reshape(foreign.shape));
    const gradients = step.backward(sum(step, add(step, weight, constant)));
    assert(gradients.get(weight) && !gradients.get(constant));
    assert(other.backward(sum(other, foreign)).get(weight)); // its own gradient is as it was
    constant.requiresGrad = true; // a leaf, from which another goes on
    assert(step.backward(sum(step, constant)).get(constant));
  }));

Deno.test("an operation's gradients are as many as its inputs", () =>
  withGpu((gpu) => {
    const from = (...gradients: null[]) => {
      using step = gpu.step({ training: true });
      const weight = step.upload(values(1, 1)), output = step.tensor([1]);
      weight.requiresGrad = true;
      const entry = { name: "mine", inputs: [weight, weight], output, backward: () => gradients };
      return messageOf(() => step.backward(step.record(entry)));
    };
    const found = (n: number) =>
      `Cannot run backward: mine gives ${n} gradients, not 2, one for each input, or null`;
    assertEquals([from(null), from(null, null, null)], [found(1), found(3)]);
    using step = gpu.step();
    const nameless = { inputs: [], output: step.tensor([1]), backward: () => [] };
    assertEquals(
      messageOf(() => step.record(wrong(nameless))),
      "Cannot record: its name is undefined, not a text",
    );
  }));

Deno.test("layers and modules say what is missing or misplaced", () =>
  withGpu((gpu) => {
    class Model extends Module {
      constructor(part: unknown) {
        super();
        this.part(wrong(part));
      }
    }
    assertEquals(
      messageOf(() => new Dropout(0.5, wrong(undefined))),
      "Cannot make Dropout: name is undefined, not a text",
    );
    assertEquals(
      messageOf(() => new Model(new Dropout(0.5, "dropout"))),
      "Cannot make Model: a part is a Dropout, not a Module",
    );
    using step = gpu.step(), layer = new IndexLinear(gpu, OPTIONS);
    const x = step.upload(values(8, 1), [1, 2, 4]);
    assertEquals(
      messageOf(() => layer.topK(step, wrong(x), wrong(10))),
      "Cannot run topK: k is a Tensor, not a positive integer",
    );
    using lstm = new LSTM(gpu, { inputSize: 4, hiddenSize: 4 });
    assertEquals(
      messageOf(() => lstm.forward(step, x, { states: [wrong(x)] })),
      "Cannot run lstm: state is a Tensor, not { hidden, cell }",
    );
    using gru = new GRU(gpu, { inputSize: 4, hiddenSize: 4 });
    assertEquals(
      messageOf(() => gru.forward(step, x, { states: [wrong({ hidden: x, cell: x })] })),
      "Cannot run gru: state is an object, not a tensor",
    );
  }));

Deno.test("a module in a field that is no part of its owner would not be trained: parameters() refuses it", () =>
  withGpu((gpu) => {
    const linear = new Linear(gpu, { inFeatures: 2, outFeatures: 2 });
    class Model extends Module {
      readonly linear = linear;
      readonly #shared = linear; // another's
      constructor(isPart: boolean) {
        super();
        if (isPart) this.part(linear);
      }
      get shared() {
        return this.#shared;
      }
    }
    assertEquals(
      messageOf(() => new Model(false).parameters()),
      "Cannot list the parameters of Model: linear is no part of it; make it one with this.part(...), or name the " +
        "field #linear if it belongs to another module",
    );
    new Model(false).dispose(); // frees nothing, and says nothing
    class Stack extends Module {
      readonly layers = [linear];
    }
    assertThrows(() => new Stack().parameters(), TypeError, "layers is no part of it");
    class Named extends Module {
      readonly layers = { linear };
    }
    assertThrows(() => new Named().parameters(), TypeError, "layers is no part of it");
    using model = new Model(true);
    assertEquals(model.parameters(), model.shared.parameters());
  }));

Deno.test("what only the library makes says how to get one", () => {
  const Made = wrong(Gpu) as new () => Gpu,
    Placed = wrong(Tensor) as new (...of: unknown[]) => Tensor;
  assertEquals(messageOf(() => new Made()), "Cannot make a Gpu with new: use await Gpu.create()");
  assertEquals(
    messageOf(() => new Placed([1, 2, 3], [3])),
    "Cannot make a Tensor with new: use gpu.tensor() or step.upload()",
  );
});

Deno.test("data that does not fit is told by the call that it was given to", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    assertEquals(
      messageOf(() => step.upload(values(32, 1), [5, 8])),
      "Cannot upload 32 elements as [5,8]",
    );
    for (const noise of [new BigInt64Array(4), [1n, 2n, 3n, 4n]]) {
      assertEquals(
        messageOf(() => new IndexLinear(gpu, { ...OPTIONS, noise: wrong(noise) })),
        `Cannot use noise: it is ${show(noise)}, neither an array of counts nor a source of noise`,
      );
    }
    using small = new Embedding(gpu, { numEmbeddings: 50, embeddingDim: 4 });
    const ids = step.upload(Uint32Array.of(7));
    ids.idLimit = 100; // as topK() of 100 classes says
    assertEquals(
      messageOf(() => gather(step, small.weight, ids)),
      "Cannot run gather: ids [1] may be up to 99, which is out of range (0 to 49)",
    );
  }));

Deno.test("an optimizer refuses parameters of another Gpu, and freed ones, when it is made", () =>
  withGpu(async (gpu) => {
    await using other = await Gpu.create();
    using layer = new Linear(gpu, { inFeatures: 2, outFeatures: 2 });
    assertEquals(
      messageOf(() => new SGD(other, layer.parameters(), { lr: 1 })),
      "Cannot make SGD: a tensor [2,2] belongs to another Gpu",
    );
    layer.dispose();
    assertThrows(() => new SGD(gpu, layer.parameters(), { lr: 1 }), UseAfterDisposeError);
    assertEquals(other.memory.buffers, 0);
  }));

Deno.test("a layer, and noise of several sources, refuse noise of another Gpu when they are made", () =>
  withGpu(async (gpu) => {
    await using other = await Gpu.create();
    const { noise: counts } = OPTIONS;
    using alias = new AliasMultinomial(gpu, counts);
    using unique = new UniqueNoise(gpu, counts, 2);
    using batch = new BatchNoise(gpu, counts);
    for (const noise of [alias, unique, batch]) {
      assertEquals(
        messageOf(() => new IndexLinear(other, { ...OPTIONS, noise })),
        "Cannot make IndexLinear: its noise belongs to another Gpu",
      );
      assertEquals(
        messageOf(() => new IndexGRU(other, { ...OPTIONS, hiddenSize: 4, noise })),
        "Cannot make IndexGRU: its noise belongs to another Gpu",
      );
    }
    assertEquals(
      messageOf(() => new BatchNoise(other, counts, alias)),
      "Cannot make BatchNoise: its noise belongs to another Gpu",
    );
    assertEquals(other.memory.buffers, 0);
  }));
