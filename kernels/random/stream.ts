/** Named streams of random numbers. */

import { expectText, show } from "../device/expect.ts";

/**
 * The number of the stream called `name`: its 32-bit FNV-1a hash over UTF-8.
 *
 * Source: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm" (RFC 9923).
 */
export function streamOf(name: string): number {
  expectText("number a random stream", "its name", name);
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * The random numbers of one consumer, such as a dropout layer or a sampler. They depend on its name and on
 * the step's seed and number: adding or removing another consumer does not change them.
 */
export class RandomStream {
  /** The consumer's path in the model. */
  readonly name: string;
  /** The stream's number, {@linkcode streamOf} the name. */
  readonly id: number;

  /** Throws a TypeError unless the name is a text. */
  constructor(name: string) {
    this.name = name;
    this.id = streamOf(name);
  }
}

/** Throws a TypeError unless `stream` is a stream. */
export function expectStream(doing: string, stream: unknown): void {
  if (stream instanceof RandomStream) return;
  throw new TypeError(`Cannot ${doing}: stream is ${show(stream)}, not a RandomStream`);
}

/** The error for two consumers of one model that would draw the same numbers. */
export function sameStream(doing: string, first: string, second: string): RangeError {
  const [a, b] = [JSON.stringify(first), JSON.stringify(second)];
  return new RangeError(
    first === second
      ? `Cannot ${doing}: two are called ${a}; give each a name of its own`
      : `Cannot ${doing}: ${a} and ${b} give the same random numbers; rename one`,
  );
}
