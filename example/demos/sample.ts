/**
 * The smallest use of IndexLinear: the loss of 200 vectors over 300,000 classes, in training and in
 * evaluation, and the GPU memory that it needs.
 *
 *     deno run example/demos/sample.ts
 */

import { format as formatBytes } from "@std/fmt/bytes";
import { type Gpu, IndexLinear } from "../../mod.ts";
import { openGpu } from "../storage/open_gpu.ts";
import { adapterLine } from "../shared/adapter.ts";

/** Sizes of the layer and of its input. */
export interface SampleSizes {
  /** E */
  readonly embeddingDim: number;
  /** V */
  readonly numClasses: number;
  /** k */
  readonly noiseRatio: number;
  /** N */
  readonly rows: number;
}

/** The results. */
export interface SampleResult {
  /** Mean NCE loss, from k + 1 scores a row. */
  readonly trainingLoss: number;
  /** Mean unnormalised negative log probability, from one score a row. */
  readonly evaluationLoss: number;
  /** Bytes of the tables: weight, bias, noise. */
  readonly tableBytes: number;
  /** Bytes of everything else that the training step held, gradients included. */
  readonly stepBytes: number;
}

/** The sizes of the PyTorch project's sample. */
const SIZES: SampleSizes = { embeddingDim: 100, numClasses: 300_000, noiseRatio: 100, rows: 200 };

/** Computes the loss in training, with its gradients, and in evaluation. */
export async function sample(gpu: Gpu, sizes: SampleSizes = SIZES): Promise<SampleResult> {
  const { embeddingDim, numClasses, noiseRatio, rows } = sizes;
  // How often each class occurs in the data: here, Zipf's law.
  const counts = Float32Array.from({ length: numClasses }, (_, y) => 1 / (y + 1));
  using layer = new IndexLinear(gpu, { embeddingDim, numClasses, noise: counts, noiseRatio });
  const tableBytes = gpu.memory.bytes;

  const input = Float32Array.from({ length: rows * embeddingDim }, (_, i) => Math.sin(i));
  const target = Uint32Array.from({ length: rows }, (_, n) => n * 7919 % numClasses);
  const lossOf = async (training: boolean) => {
    using step = gpu.step({ training });
    const x = step.upload(input, [rows, embeddingDim]);
    const loss = layer.forward(step, step.upload(target), x);
    if (training) step.backward(loss); // its gradients have rows, not tables
    const stepBytes = gpu.memory.bytes - tableBytes;
    return { mean: (await gpu.readFloats(loss))[0]!, stepBytes };
  };
  const { mean: trainingLoss, stepBytes } = await lossOf(true);
  const { mean: evaluationLoss } = await lossOf(false);
  return { trainingLoss, evaluationLoss, tableBytes, stepBytes };
}

if (import.meta.main) {
  await using gpu = await openGpu();
  const { trainingLoss, evaluationLoss, tableBytes, stepBytes } = await sample(gpu);
  const { embeddingDim, numClasses, noiseRatio, rows } = SIZES;
  console.log(`${rows} x ${embeddingDim} input, ${numClasses} classes, noise ratio ${noiseRatio}`);
  console.log(`on ${adapterLine(gpu)}`);
  const figure = (name: string, text: string) => console.log(name.padEnd(17) + text);
  figure("training loss", trainingLoss.toFixed(4));
  figure("evaluation loss", evaluationLoss.toFixed(4));
  figure("tables", formatBytes(tableBytes));
  console.log(`the step, besides ${formatBytes(stepBytes)}`);
  console.log(`all scores alone would be ${formatBytes(rows * numClasses * 4)}`);
}
