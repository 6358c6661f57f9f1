/** How often noise equals its target. */

import type { Step } from "../kernels/autograd/step.ts";
import type { Device } from "../kernels/device/device.ts";
import type { Tensor } from "../kernels/device/tensor.ts";
import { countHits } from "../kernels/loss/noise_scores.ts";
import type { Noise } from "./noise/noise.ts";

/** Counts on the GPU how often noise equals its target. */
export class HitCounter implements Disposable {
  readonly #gpu: Device;
  readonly #hits: Tensor;
  #samples = 0;

  constructor(gpu: Device) {
    this.#gpu = gpu;
    this.#hits = gpu.tensor([1], new Uint32Array(1));
  }

  /** Adds the hits among the noise of `target` [N]. */
  count(step: Step, target: Tensor, { ids, ownSlot }: Noise): void {
    this.#samples += countHits(step, this.#hits, { target, noise: ids }, ownSlot);
  }

  /** The hits since the last call, and the samples among which they were. */
  async take(): Promise<{ hits: number; samples: number }> {
    const [hits] = await this.#gpu.read(this.#hits), samples = this.#samples;
    this.#gpu.write(this.#hits, new Uint32Array(1));
    this.#samples = 0;
    return { hits: hits!, samples };
  }

  [Symbol.dispose](): void {
    this.#hits.dispose();
  }
}
