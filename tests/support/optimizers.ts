/** Optimizers of a table, by rows, and a vector, in steps that are a function of their number alone. */

import { add, gather, weightedSum } from "../../kernels/ops.ts";
import type { Gpu, TableDType, Tensor } from "../../mod.ts";
import {
  Adagrad,
  Adam,
  type FillTensor,
  type NamedParameter,
  type Optimizer,
  type SavedOptimizer,
  SGD,
} from "../../nce/nn/mod.ts";
import { randomIds, values } from "../reference/data.ts";

/** Rows and width of the table, size of the vector. */
export const [V, W, D] = [160, 4, 20];

type Make = (gpu: Gpu, parameters: readonly NamedParameter[]) => Optimizer;

const OPTIONS = { lr: 0.1, clip: 0.25 };
/** Each optimizer, and how many floats it keeps of a table [V, W] and a vector [D]. */
export const MAKERS: Readonly<Record<string, readonly [keeps: number, make: Make]>> = {
  "SGD": [0, (gpu, parameters) => new SGD(gpu, parameters, OPTIONS)],
  "SGD with momentum": [V * W + D, (gpu, parameters) => {
    return new SGD(gpu, parameters, { ...OPTIONS, momentum: 0.9 });
  }],
  "SGD with momentum and decay": [V * W + D, (gpu, parameters) => {
    return new SGD(gpu, parameters, { ...OPTIONS, momentum: 0.9, weightDecay: 1e-2 });
  }],
  "Adagrad": [V * W + D, (gpu, parameters) => new Adagrad(gpu, parameters, OPTIONS)],
  "row-wise Adagrad": [V + D, (gpu, parameters) => {
    return new Adagrad(gpu, parameters, { ...OPTIONS, rowwise: true });
  }],
  "Adam": [2 * (V * W + D), (gpu, parameters) => new Adam(gpu, parameters, OPTIONS)],
};

/** The table, of this type, and the vector, with their names. */
export function parametersOf(
  gpu: Gpu,
  stack: DisposableStack,
  dtype?: TableDType,
): NamedParameter[] {
  return ([["table", [V, W]], ["vector", [D]]] as const).map(([name, shape], i) => {
    const size = shape.reduce<number>((n, s) => n * s, 1);
    const tensor = stack.use(gpu.table(shape, values(size, i + 1), i === 0 ? dtype : undefined));
    tensor.requiresGrad = true;
    return [name, tensor];
  });
}

/** Takes these steps. */
export function train(
  gpu: Gpu,
  of: readonly NamedParameter[],
  optimizer: Optimizer,
  steps: number[],
) {
  const [table, vector] = of.map(([, tensor]) => tensor) as [Tensor, Tensor];
  for (const number of steps) {
    optimizer.lr = 0.1 / (1 + Math.floor(number / 5)); // steps at one rate, and a change
    using step = gpu.step({ training: true });
    const rows = gather(step, table, step.upload(randomIds(3, V, number)));
    const dRows = step.upload(values(3 * W, number), [3, W]);
    const dVector = step.upload(values(D, number + 1));
    const loss = add(step, weightedSum(step, rows, dRows), weightedSum(step, vector, dVector));
    optimizer.step(step.backward(loss));
  }
}

/** Steps before a state is saved and after it, with new rates among them. */
export const FIRST = [3, 4, 5, 6], REST = [8, 9, 10];

/** An optimizer with its parameters. */
export interface Scene {
  readonly optimizer: Optimizer;
  readonly parameters: readonly NamedParameter[];
}

/** Makes one by its name in `MAKERS`. */
export function sceneOf(gpu: Gpu, stack: DisposableStack, name: string, dtype?: TableDType): Scene {
  const parameters = parametersOf(gpu, stack, dtype);
  return { parameters, optimizer: stack.use(MAKERS[name]![1](gpu, parameters)) };
}

/** The parameters' numbers, to which all that is deferred is applied. */
export async function bitsOf(gpu: Gpu, { parameters }: Scene): Promise<Float32Array[]> {
  return await Promise.all(parameters.map(([, tensor]) => gpu.readFloats(tensor)));
}

/** Writes saved numbers, of tables some rows at a time. */
export function fillFrom(gpu: Gpu, { tensors }: SavedOptimizer): FillTensor {
  return async (tensor, name) => {
    await Promise.resolve();
    const { data } = tensors[name]!, [rows, ...row] = tensor.shape;
    if (rows! <= 64) return gpu.write(tensor, data);
    const width = row.reduce((a, b) => a * b, 1);
    for (let first = 0; first < rows!; first += 64) {
      using slice = tensor.slice(first, Math.min(64, rows! - first));
      gpu.write(slice, data.subarray(first * width, first * width + slice.size));
    }
  };
}
