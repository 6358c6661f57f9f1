/**
 * Counter-based random numbers: the TypeScript twin of _philox.wgsl, equal to the last bit.
 *
 * A random word is a pure function of `(seed, stream, step, index)`: noise, dropout masks and initial
 * weights do not depend on the device, or on where a run was resumed.
 */

import { expectInteger, expectPositive, expectSeed, MAX_WORD } from "../device/expect.ts";
import { withFields } from "../device/pipelines.ts";
import generator from "./_philox.wgsl" with { type: "text" };

/** What random numbers are a function of. */
export interface RandomKey {
  /** A non-negative integer of at most 53 bits. */
  seed: number;
  /** The number of the stream, from `streamOf`. */
  stream: number;
  /** Usually the number of the training step. */
  step: number;
}

/** The two words of a seed, low word first. */
export function seedWords(seed: number): [number, number] {
  expectSeed("draw", seed);
  return [seed >>> 0, Math.floor(seed / 2 ** 32)];
}

/** The uniform's fields for a kernel that draws; all 0 without a key. */
export function randomUniform(key?: RandomKey): Record<string, number> {
  if (!key) return { seed_lo: 0, seed_hi: 0, stream: 0, step: 0 };
  const [seed_lo, seed_hi] = seedWords(key.seed);
  return { seed_lo, seed_hi, stream: key.stream, step: key.step };
}

/** WGSL of a kernel that draws: `source` with the generator, whose fields are added to its Params. */
export function withRandom(source: string): string {
  return generator + withFields(source, Object.keys(randomUniform()), "u32");
}

/** High 32 bits of the 64-bit product of two unsigned 32-bit integers. */
export function mulhi(a: number, b: number): number {
  const al = a & 0xffff, ah = a >>> 16, bl = b & 0xffff, bh = b >>> 16;
  const lh = al * bh, hl = ah * bl;
  const mid = ((al * bl) >>> 16) + (lh & 0xffff) + (hl & 0xffff);
  return (ah * bh + (lh >>> 16) + (hl >>> 16) + (mid >>> 16)) >>> 0;
}

/**
 * Philox4x32-10: writes four random words for `counter` and `key` to `out`.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array = new Uint32Array(4),
): Uint32Array {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const hi0 = mulhi(0xd2511f53, c0), lo0 = Math.imul(0xd2511f53, c0) >>> 0;
    const hi1 = mulhi(0xcd9e8d57, c2), lo1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (hi1 ^ c1 ^ k0) >>> 0;
    c1 = lo1;
    c2 = (hi0 ^ c3 ^ k1) >>> 0;
    c3 = lo0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
  return out;
}

/** A float in [0, 1) with 24 random bits, exactly representable in float32. */
export function unitFloat(word: number): number {
  return (word >>> 8) * 2 ** -24;
}

/** A sequence of random words on the CPU. */
export class Philox {
  readonly #key: [number, number];
  readonly #counter: [number, number, number, number];
  readonly #block = new Uint32Array(4);
  #used = 4;

  /** Starts at the first word of `(seed, stream, step)`. Throws a RangeError if one is out of range. */
  constructor(seed: number, stream: number, step = 0) {
    expectInteger("draw", "stream", stream, MAX_WORD);
    expectInteger("draw", "step", step, MAX_WORD);
    this.#key = seedWords(seed);
    this.#counter = [0, step, stream, 0];
  }

  /** The next 32-bit word. */
  next(): number {
    if (this.#used === 4) {
      philox(this.#counter, this.#key, this.#block);
      this.#counter[0]++;
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
  }

  /** The next float in [0, 1), of 24 bits. */
  uniform(): number {
    return unitFloat(this.next());
  }

  /** The next integer in [0, n); the bias is below n / 2^32. Throws a RangeError unless n is in [1, 2^32). */
  below(n: number): number {
    expectPositive("draw below a number", "it", n);
    expectInteger("draw below a number", "it", n, MAX_WORD);
    return mulhi(this.next(), n);
  }
}
