/** How steps move the parameters: all ranks together, or each by itself until they come together. */

import type { Gpu, Step, Tensor } from "../../mod.ts";
import {
  type FillTensor,
  LocalSteps,
  type NamedParameter,
  type Optimizer,
  type OptimizerHeader,
  type OptimizerState,
} from "../../nce/nn/mod.ts";
import type { Settings } from "../options/options.ts";
import { makeOptimizer } from "./optimizer.ts";
import type { Ranks } from "../shared/ranks.ts";

/** Updates of parameters by the losses of steps. */
export class Updates implements Disposable {
  readonly optimizer: Optimizer;
  readonly #local: LocalSteps | undefined;
  readonly #ranks: Ranks;

  /** Makes the optimizer. */
  constructor(
    gpu: Gpu,
    parameters: readonly NamedParameter[],
    settings: Settings,
    ranks: Ranks,
  ) {
    this.optimizer = makeOptimizer(gpu, parameters, settings);
    this.#ranks = ranks;
    const { syncEvery, outerLr: lr, outerMomentum: momentum } = settings;
    if (syncEvery === 1) return;
    this.#local = new LocalSteps(this.optimizer, { lr, momentum });
  }

  /** Whether each rank takes steps by itself: `--sync-every`. */
  get isLocal(): boolean {
    return this.#local !== undefined;
  }

  /** What determines what follows, when ranks are together. */
  state(): OptimizerState {
    return (this.#local ?? this.optimizer).state();
  }

  /** Goes on from the header of a {@linkcode state}; `fill` writes the numbers of each tensor. */
  async load(header: OptimizerHeader, fill: FillTensor): Promise<void> {
    await (this.#local ?? this.optimizer).load(header, fill);
  }

  /** Moves the parameters by `loss`, and returns it: the sum of all ranks', or this rank's own. */
  async step(step: Step, loss: Tensor): Promise<Tensor> {
    if (this.#local) {
      this.#local.step(step.backward(loss));
      return loss;
    }
    const across = await this.#ranks.backward(step, loss);
    this.optimizer.step(across.gradients);
    return across.loss;
  }

  /** Brings ranks together that took steps by themselves: they have the same, and agree on what comes next. */
  async sync(): Promise<void> {
    await this.#local?.average(this.#ranks.communicator);
    if (this.#local) await this.#ranks.agree();
  }

  /** Frees what is kept. */
  [Symbol.dispose](): void {
    this.#local?.[Symbol.dispose]();
    this.optimizer[Symbol.dispose]();
  }
}
