/** Values computed from tensors, kept for later calls. */

import { versionOf } from "./parts.ts";
import type { Tensor } from "./tensor.ts";

interface Known<T> {
  readonly key: readonly unknown[];
  readonly value: T;
}

/** Values computed from tensors for an owner, such as a step, with which they end. */
export class Memo<T> {
  readonly #known = new WeakMap<object, Known<T>[]>();

  /** The value for these tensors, with their content as it is, and `numbers`: computed unless it is known. */
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
