/** Losses of an epoch that are not reported yet. */

import type { Gpu } from "../../mod.ts";
import { followed, Losses, type LossSum, NOTHING, ofRanks } from "../evaluation/losses.ts";
import type { Ranks } from "../shared/ranks.ts";

/** Losses of steps that the ranks take together, or each by itself. */
export class UnreportedLosses implements Disposable {
  /** The last steps': with `isLocal` those of this rank's part of the batches. */
  readonly last: Losses;
  /** With `isLocal`, those of all ranks before. */
  #before = NOTHING;
  readonly #ranks: Ranks;
  readonly #isLocal: boolean;

  /** `isLocal` says that ranks take steps by themselves. */
  constructor(gpu: Gpu, ranks: Ranks, isLocal: boolean) {
    this.last = new Losses(gpu);
    this.#ranks = ranks;
    this.#isLocal = isLocal;
  }

  /** The losses of all ranks so far; they all call it, at steps that do not depend on the clock. */
  async sums(): Promise<LossSum> {
    if (!this.#isLocal) return await this.last.sums();
    const all = await this.#ranks.ofAll(await this.last.take());
    return this.#before = followed(this.#before, ofRanks(all));
  }

  /** The same; starts again from zero. */
  async take(): Promise<LossSum> {
    if (!this.#isLocal) return await this.last.take();
    const sums = await this.sums();
    this.#before = NOTHING;
    return sums;
  }

  /** Continues from {@linkcode sums}. */
  restore(sums: LossSum): void {
    if (this.#isLocal) this.#before = sums;
    else this.last.restore(sums);
  }

  /** Frees the buffer. */
  [Symbol.dispose](): void {
    this.last[Symbol.dispose]();
  }
}
