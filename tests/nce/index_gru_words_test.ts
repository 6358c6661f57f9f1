// IndexGRU from outside: its parameters, what it refuses, and the words that go on best.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { fetchRows } from "../../kernels/mod.ts";
import type { IndexGRUOptions } from "../../mod.ts";
import { values } from "../reference/data.ts";
import { bestOf } from "../reference/top_k.ts";
import { assertClose } from "../support/close.ts";
import { withBothFamilies, withGpu } from "../support/gpu.ts";
import { B, E, fill, H, INPUT, make, N, scores, T, upload, V } from "../support/index_gru.ts";
import { onRanks } from "../support/ranks.ts";

Deno.test("IndexGRU has the reference's parameters, and its initial ranges", () =>
  withGpu(async (gpu) => {
    using model = make(gpu, { normTerm: "learned" });
    const shapes = model.parameters().map(([name, { shape }]) => `${name} ${shape}`);
    assertEquals(shapes, [
      "encoder.0.weight 11,3",
      "rnn.weight_ih_l0 15,3",
      "rnn.weight_hh_l0 15,5",
      "rnn.bias_ih_l0 15",
      "rnn.bias_hh_l0 15",
      "scorer.1.weight 1,5",
      "scorer.1.bias 1",
      "norm_term 1",
    ]);
    for (const [name, parameter] of model.parameters().slice(0, -1)) {
      const range = name.startsWith("encoder") ? 0.1 : 1 / Math.sqrt(H);
      const initial = await gpu.readFloats(parameter);
      assert(initial.every((x) => Math.abs(x) <= range), name);
      assert(initial.some((x) => x !== 0), name);
    }
  }));

Deno.test("IndexGRU throws when sizes, noise, dropout or input do not fit", () =>
  withGpu((gpu) => {
    assertThrows(() => make(gpu, { hiddenSize: 0 }), RangeError, "hiddenSize is 0");
    assertThrows(() => make(gpu, { noise: [1, 2] }), RangeError, "noise has 2 classes, not 11");
    assertThrows(() => make(gpu, { dropout: 1 }), RangeError, "dropout is 1, not in [0, 1)");
    using model = make(gpu);
    using step = gpu.step();
    const { target } = upload(step), ids = step.upload(INPUT);
    const message = "expected ids [T, B]";
    assertThrows(() => model.forward(step, target, ids), TypeError, message);
    const few = step.upload(INPUT.slice(B), [T - 1, B]);
    assertThrows(() => model.forward(step, target, few), TypeError, message);
    const wide = step.upload(values(N * E, 1), [N, E]);
    assertThrows(() => model.forward(step, target, wide), TypeError, "or rows of 5");
    const large = step.upload(Uint32Array.from({ length: N }, () => V), [T, B]);
    assertThrows(() => model.forward(step, target, large), RangeError, "up to 11,");
    assertThrows(() => model.forward(step, large, few), RangeError, "up to 11,");
  }));

Deno.test("IndexGRU's vectors have a dense gradient in steps of as many samples as words, else a sparse one", () =>
  withBothFamilies((gpu) => {
    for (const [noiseRatio, kind] of [[V - 1, "sparse"], [V, "dense"]] as const) {
      using model = make(gpu, { noiseRatio, reduction: "sum" });
      using step = gpu.step({ training: true });
      const { target, input } = upload(step);
      const gradients = step.backward(model.forward(step, target, input));
      assertEquals(gradients.get(model.encoder.weight)?.kind, kind, `${noiseRatio} samples`);
    }
  }));

Deno.test("IndexGRU drops units of words and of scores, of targets and of noise, each by a mask of its own", () =>
  withGpu((gpu) => {
    const streamsOf = (options: Partial<IndexGRUOptions>) => {
      using model = make(gpu, { dropout: 0.5, ...options });
      using step = gpu.step({ training: true });
      const streams = new Set<string>(), { randomKey } = step;
      step.randomKey = (stream) => (streams.add(stream.name), randomKey.call(step, stream));
      const { target, input } = upload(step);
      model.forward(step, target, input);
      return [...streams].sort();
    };
    const [input, noise, score] = [
      "input_dropout",
      "noise_dropout",
      "noise_score_dropout",
    ] as const;
    const target = ["target_dropout", "target_score_dropout"];
    assertEquals(streamsOf({ lossType: "full" }), [input, noise, score]);
    for (const noiseRatio of [V - 1, V]) {
      assertEquals(streamsOf({ noiseRatio }), [input, "noise", noise, score, ...target]);
    }
  }));

Deno.test("topK() gives the words that go on best after each word of the input, or after its context", () =>
  withBothFamilies(async (gpu) => {
    using model = make(gpu);
    const all = scores(fill(gpu, model)), k = 4;
    using step = gpu.step();
    const { input } = upload(step), { context } = model.context(step, input);
    for (const given of [input, context]) {
      const found = model.topK(step, k, given);
      const expected = Array.from(
        { length: N },
        (_, n) => bestOf(all.subarray(n * V, (n + 1) * V), k),
      );
      assertEquals([...await gpu.read(found.ids)], expected.flatMap((best) => [...best]));
      const best = expected.flatMap((ids, n) => Array.from(ids, (id) => all[n * V + id]!));
      assertClose(await gpu.readFloats(found.scores), best, { atol: 1e-5, rtol: 1e-5 }, "scores");
    }
    const narrow = step.upload(values(H + 1, 1));
    const message = "Cannot score [6]: expected ids [T, B], one a row, or rows of 5";
    assertThrows(() => model.topK(step, k, narrow), TypeError, message);
  }));

Deno.test("a shard's losses are those of the whole table, with a mask for each word only if units are dropped", async () => {
  for (const [dropout, masked] of [[0, []], [0.5, ["multiply"]]] as const) {
    const options = { noiseRatio: V, dropout, lossType: "sampled" } as const;
    const loss = (size: number) =>
      onRanks(size, async (gpu, communicator) => {
        const { rank } = communicator, labels: string[] = [], dispatch = gpu.dispatch.bind(gpu);
        using model = make(gpu, { ...options, ...(size > 1 && { shard: { rank, ranks: size } }) });
        using step = gpu.step({ training: true, seed: 3, number: 5 });
        const { target, input } = upload(step), ids = [input, ...model.scoredClasses(step, target)];
        await fetchRows(step, [{ tables: [model.encoder.weight], ids }], communicator);
        gpu.dispatch = (launch) => {
          labels.push(launch.label);
          dispatch(launch);
        };
        const loss = await gpu.readFloats(model.forward(step, target, input));
        Reflect.deleteProperty(gpu, "dispatch");
        return { loss, masks: labels.filter((label) => label === "multiply") };
      });
    const [whole] = await loss(1), shards = await loss(2);
    for (const shard of shards) {
      assertClose(shard.loss, [...whole!.loss], { atol: 1e-6, rtol: 1e-6 }, `dropout ${dropout}`);
      assertEquals(shard.masks, [...masked]);
    }
  }
});

Deno.test("IndexGRU scores as many samples as words from a table of 16-bit floats, too", () =>
  withGpu(async (gpu) => {
    const losses: Float32Array[] = [];
    for (const tableDtype of ["f32", "f16"] as const) {
      using model = make(gpu, { embeddingDim: 4, noiseRatio: V, tableDtype });
      gpu.write(model.encoder.weight, Float32Array.from({ length: V * 4 }, (_, i) => i % 9 / 8));
      using step = gpu.step({ training: true, seed: 1, number: 3 });
      const { target, input } = upload(step);
      losses.push(await gpu.readFloats(model.forward(step, target, input)));
    }
    assertClose(losses[1]!, [...losses[0]!], { atol: 1e-6, rtol: 1e-6 });
  }));
