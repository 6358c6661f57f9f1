/** Small trainings that use most kernels, by a library that came in any way: packed, bundled, by URL. */

import type * as main from "../../mod.ts";
import type * as nn from "../../nce/nn/mod.ts";

/** What the trainings use of the library. */
type Library = typeof main & typeof nn;

const [V, E, H, T, B, K] = [200, 12, 16, 5, 4, 8];
const FAMILIES = ["software", "hardware"] as const;
const LOSSES = ["full", "nce", "sampled", "mix", "neg"] as const;
const UPDATE = { weightDecay: 1e-4, clip: 1 };
/** Each loss has an optimizer of its own. */
const OPTIMIZERS = {
  full: ({ SGD }, ...of) => new SGD(...of, { ...UPDATE, lr: 0.5, momentum: 0.9 }),
  nce: ({ Adagrad }, ...of) => new Adagrad(...of, { ...UPDATE, lr: 0.1 }),
  sampled: ({ Adam }, ...of) => new Adam(...of, { ...UPDATE, lr: 0.01 }),
  mix: ({ SGD }, ...of) => new SGD(...of, { ...UPDATE, lr: 0.5 }),
  neg: ({ SGD }, ...of) => new SGD(...of, { lr: 0.5 }),
} satisfies Record<
  typeof LOSSES[number],
  (library: Library, gpu: main.Gpu, of: nn.NamedParameter[]) => nn.Optimizer
>;
const STEPS = 3;
/** How many classes are asked for that score best. */
const BEST = 70;
const NOISE = Float32Array.from({ length: V }, (_, y) => 1 / (y + 1));
const IDS = Uint32Array.from({ length: T * B }, (_, i) => (i * 37) % V);
const TARGETS = IDS.map((y) => (y * 3 + 1) % V);

/** Something that is trained, its loss, and its best scores. */
interface Model {
  readonly parameters: nn.NamedParameter[];
  loss(step: main.Step): main.Tensor;
  best(step: main.Step): main.Tensor;
}

/** An LSTM under an IndexLinear, or an IndexGRU. */
function makeModel(
  { Embedding, IndexGRU, IndexLinear, LSTM }: Library,
  gpu: main.Gpu,
  module: "linear" | "gru",
  lossType: main.LossType,
): Model {
  const noise = { noise: NOISE, noiseRatio: K, lossType, seed: 1 };
  if (module === "gru") {
    const gru = new IndexGRU(gpu, { numClasses: V, embeddingDim: E, hiddenSize: H, ...noise });
    return {
      parameters: gru.parameters(),
      loss: (step) => gru.forward(step, step.upload(TARGETS, [T, B]), step.upload(IDS, [T, B])),
      best: (step) => gru.topK(step, BEST, step.upload(IDS, [T, B])).scores,
    };
  }
  const table = { numEmbeddings: V, embeddingDim: E, seed: 2 };
  const embedding = new Embedding(gpu, { name: "embedding", ...table });
  const sizes = { inputSize: E, hiddenSize: H, numLayers: 2, dropout: 0.1, seed: 3 };
  const lstm = new LSTM(gpu, { name: "lstm", ...sizes });
  const output = new IndexLinear(gpu, { name: "output", embeddingDim: H, numClasses: V, ...noise });
  const states = (step: main.Step) => {
    const x = embedding.forward(step, step.upload(IDS, [T, B]));
    return step.reshape(lstm.forward(step, x).output, [T * B, H]);
  };
  return {
    parameters: [embedding, lstm, output].flatMap((part) => part.parameters()),
    loss: (step) => output.forward(step, step.upload(TARGETS), states(step)),
    best: (step) => output.topK(step, BEST, states(step)).scores,
  };
}

/**
 * Trains every loss of both models with both families of kernels; the last losses, and sums of the best
 * scores, by name.
 */
export async function trainAll(library: Library): Promise<Record<string, number>> {
  const losses: Record<string, number> = {};
  for (const family of FAMILIES) {
    await using gpu = await library.Gpu.create({ family });
    for (const module of ["linear", "gru"] as const) {
      for (const lossType of LOSSES) {
        const model = makeModel(library, gpu, module, lossType);
        const optimizer = OPTIMIZERS[lossType](library, gpu, model.parameters);
        for (let number = 0; number < STEPS; number++) {
          using step = gpu.step({ training: true, number });
          const loss = model.loss(step);
          optimizer.step(step.backward(loss));
          losses[`${family} ${module} ${lossType}`] = (await gpu.readFloats(loss))[0]!;
        }
        using step = gpu.step();
        const best = await gpu.readFloats(model.best(step));
        losses[`${family} ${module} ${lossType} topK`] = best.reduce((sum, score) => sum + score);
      }
    }
  }
  return losses;
}
