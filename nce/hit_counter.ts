/** How often noise equals its target. */

import type { Step } from "../kernels/autograd/step.ts";
import type { Device } from "../kernels/device/device.ts";
import type { Tensor } from "../kernels/device/tensor.ts";
import { countHits } from "../kernels/loss/noise_scores.ts";
import type { Noise } from "./noise/noise.ts";

/** Counts on the GPU how often noise equals its target. */
export class HitCounter implements Disposable {
  readonly #gpu: Device;
  /** Hits and samples, each the low word and the high. */
  readonly #counts: Tensor;

  constructor(gpu: Device) {
    this.#gpu = gpu;
    this.#counts = gpu.tensor([4], new Uint32Array(4));
  }

  /**
   * The `loss` [N] of `target` [N] itself. When a gradient flows back through it, the hits among the noise are
   * added: those of targets whose loss has a gradient, so not of padding.
   */
  watch(step: Step, loss: Tensor, target: Tensor, { ids, ownSlot }: Noise): Tensor {
    return step.record({
      name: "countHits",
      inputs: [loss],
      output: step.own(loss.reshape(loss.shape)),
      backward: (dLoss) => {
        countHits(step, this.#counts, { target, noise: ids }, dLoss, ownSlot);
        return [dLoss];
      },
    });
  }

  /** The hits since the last call, and the samples among which they were. */
  async take(): Promise<{ hits: number; samples: number }> {
    const reading = this.#gpu.read(this.#counts);
    this.#gpu.clear(this.#counts); // right after, so that what is counted while it is awaited is not lost
    const [hits, moreHits, samples, moreSamples] = await reading;
    return { hits: hits! + 2 ** 32 * moreHits!, samples: samples! + 2 ** 32 * moreSamples! };
  }

  [Symbol.dispose](): void {
    this.#counts.dispose();
  }
}
