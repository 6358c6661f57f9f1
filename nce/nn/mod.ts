/**
 * Layers, optimizers, and what modules of your own are made of.
 *
 * @example A module with a layer and a parameter of its own, trained towards zero
 * ```ts ignore
 * import { Gpu, type Step, type Tensor } from "@nce/nce";
 * import { Linear, Module, SGD } from "@nce/nce/nn";
 * import { mean, multiply } from "@nce/nce/ops";
 *
 * class Gated extends Module {
 *   readonly linear: Linear;
 *   readonly gate: Tensor;
 *
 *   constructor(gpu: Gpu, name = "") {
 *     super(name);
 *     const sizes = { inFeatures: 4, outFeatures: 4, seed: 1 };
 *     this.linear = this.part(new Linear(gpu, { ...sizes, name: this.path("linear") }));
 *     this.gate = this.parameter(gpu, "gate", [2, 4], { range: 0.5, seed: 1 });
 *   }
 *
 *   forward(step: Step, x: Tensor): Tensor {
 *     return multiply(step, this.gate, this.linear.forward(step, x));
 *   }
 * }
 *
 * await using gpu = await Gpu.create();
 * using model = new Gated(gpu);
 * console.log(model.parameters().map(([name]) => name)); // linear.weight, linear.bias, gate
 * using optimizer = new SGD(gpu, model.parameters(), { lr: 0.1 });
 * for (let number = 0; number < 10; number++) {
 *   using step = gpu.step({ training: true, number });
 *   const y = model.forward(step, step.upload(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 4]));
 *   const loss = mean(step, multiply(step, y, y));
 *   optimizer.step(step.backward(loss));
 *   console.log(await gpu.read(loss));
 * }
 * ```
 *
 * @module
 */

export { Adagrad, type AdagradOptions } from "./adagrad.ts";
export { Adam, type AdamOptions } from "./adam.ts";
export { Dropout } from "./dropout.ts";
export { Embedding, type EmbeddingOptions } from "./embedding.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export { LocalSteps, type LocalStepsOptions } from "./local_steps.ts";
export { type InitialValues, Module, type NamedParameter, parameter } from "./module.ts";
export { Optimizer } from "./optimizer.ts";
export type { OptimizerOptions } from "./optimizer_options.ts";
export type {
  FillTensor,
  OptimizerHeader,
  OptimizerState,
  SavedOptimizer,
} from "./optimizer_state.ts";
export { GRU, LSTM, Recurrent, type RecurrentInput, type RecurrentOptions } from "./recurrent.ts";
export type { SavedTensor, SavedTensors, TensorLayout } from "./saved.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
