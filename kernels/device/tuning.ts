/** Which of several right variants kernels for GPUs take: the best one differs from GPU to GPU. */

/**
 * Sizes at which kernels for GPUs change from one variant to another. They change the order of sums, so the
 * last bits of results, and no more than that. Kernels for software adapters do not look at them.
 */
export interface Tuning {
  /** Rows of a product, and terms of its sums, from which its tiles are 128 x 64, not 64 x 64. */
  readonly tallFrom: number;
  /**
   * Workgroups that a product should have: with half as many tiles or fewer, these are 32 x 32 if its sums are
   * short, and long sums are cut into chunks.
   */
  readonly busy: number;
  /** Terms that such a chunk has at least: one more launch adds the chunks up. */
  readonly minDepth: number;
  /** The same as `busy` for chunks of 256 terms or more; the larger number of chunks counts. */
  readonly longBusy: number;
  /** Rows of a batch up to which a recurrent layer may run all its time steps in one launch. */
  readonly wholeRows: number;
  /** Units up to which it does: a workgroup reads the weight of more slower than the whole GPU, step by step. */
  readonly wholeUnits: number;
}

/** The sizes that suit a large GPU: an H200 of 132 multiprocessors with about six workgroups on each. */
export const FIXED_TUNING: Tuning = {
  tallFrom: 2048,
  busy: 768,
  minDepth: 64,
  longBusy: 4096,
  wholeRows: 96,
  wholeUnits: 256,
};

/** A size that no batch and no product has. */
export const NEVER = 2 ** 31;

/** Whether `value`, such as one from a file, is a tuning: it has all sizes, whole numbers up to 2^31. */
export function isTuning(value: unknown): value is Tuning {
  if (typeof value !== "object" || value === null) return false;
  const sizes: Readonly<Record<string, unknown>> = { ...value };
  return Object.keys(FIXED_TUNING).every((name) => {
    const size = sizes[name];
    return Number.isInteger(size) && Number(size) >= 0 && Number(size) <= NEVER;
  });
}

/** The sizes of `value`, and nothing else that it has. Throws a TypeError unless it is a tuning. */
export function checkedTuning(value: Tuning): Tuning {
  if (!isTuning(value)) {
    const names = Object.keys(FIXED_TUNING).join(", ");
    throw new TypeError(`Cannot set the tuning: it needs ${names}, integers from 0 to ${NEVER}`);
  }
  const { tallFrom, busy, minDepth, longBusy, wholeRows, wholeUnits } = value;
  return { tallFrom, busy, minDepth, longBusy, wholeRows, wholeUnits };
}
