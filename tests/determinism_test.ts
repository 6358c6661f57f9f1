// The same seed and step number give the same bits, on any device that is opened anew.

import { assertEquals, assertNotEquals } from "@std/assert";
import { type Gpu, IndexLinear, type LossType } from "../mod.ts";
import { Dropout, Embedding, LSTM, SGD } from "../nce/nn/mod.ts";
import { withBothFamilies } from "./support/gpu.ts";
import { randomIds } from "./reference/data.ts";

const [T, B, E, V] = [4, 9, 12, 65];

/** Bits of the loss, of all gradients and of all parameters after two training steps. */
async function train(gpu: Gpu, lossType: LossType, perWord: boolean, seed: number) {
  using embedding = new Embedding(gpu, {
    name: "embedding",
    numEmbeddings: V,
    embeddingDim: E,
    seed,
  });
  const dropout = new Dropout(0.3, "dropout");
  using rnn = new LSTM(gpu, { name: "rnn", inputSize: E, hiddenSize: E, seed });
  using criterion = new IndexLinear(gpu, {
    embeddingDim: E,
    numClasses: V,
    noise: Float64Array.from({ length: V }, (_, i) => 1 / (1 + i)),
    noiseRatio: 20,
    lossType,
    perWord,
    seed,
  });
  const parameters = [embedding, rnn, criterion].flatMap((part) => part.parameters());
  using optimizer = new SGD(gpu, parameters, { lr: 0.5, momentum: 0.9, clip: 0.25 });
  const seen: string[] = [];
  for (let number = 0; number < 2; number++) {
    using step = gpu.step({ training: true, seed, number });
    const input = step.upload(randomIds(T * B, V, number), [T, B]);
    const target = step.upload(randomIds(T * B, V, number + 9), [T, B]);
    const { output } = rnn.forward(step, dropout.forward(step, embedding.forward(step, input)));
    const loss = criterion.forward(step, target, output);
    const gradients = step.backward(loss);
    optimizer.step(gradients);
    const all = [loss, ...parameters.flatMap(([, p]) => [gradients.toDense(p)!, p])];
    for (const data of await Promise.all(all.map((tensor) => gpu.readFloats(tensor)))) {
      seen.push(new Uint32Array(data.buffer).join());
    }
  }
  return seen;
}

Deno.test("equal seeds give equal bits of losses, gradients and parameters on two devices", async () => {
  const runs: Record<number, string[][]> = { 0: [], 1: [] };
  for (const device of [0, 1]) {
    await withBothFamilies(async (gpu) => {
      for (const lossType of ["nce", "sampled", "mix", "full"] as const) {
        runs[device]!.push(await train(gpu, lossType, lossType === "sampled", 5));
      }
    });
  }
  assertEquals(runs[0], runs[1]);
});

Deno.test("another seed gives other losses", () =>
  withBothFamilies(async (gpu) => {
    const [first] = await train(gpu, "nce", false, 5), [second] = await train(gpu, "nce", false, 6);
    assertNotEquals(first, second);
  }));
