/** Values that are computed of tensors once, and found again. */

import { versionOf } from "./parts.ts";
import type { Tensor } from "./tensor.ts";

interface Known<T> {
  readonly key: readonly unknown[];
  readonly value: T;
}

/** What was computed of tensors for an owner, such as a step. It ends with the owner. */
export class Memo<T> {
  readonly #known = new WeakMap<object, Known<T>[]>();

  /** What `compute` gave before for the same tensors, their content as now, and `numbers`; else what it gives now. */
  get(
    owner: object,
    tensors: readonly Tensor[],
    numbers: readonly number[],
    compute: () => T,
  ): T {
    let known = this.#known.get(owner);
    if (!known) this.#known.set(owner, known = []);
    const key = [...numbers, ...tensors, ...tensors.map(versionOf)];
    const found = known.find((other) =>
      other.key.length === key.length && other.key.every((part, i) => part === key[i])
    );
    if (found) return found.value;
    const value = compute();
    known.push({ key, value });
    return value;
  }
}
