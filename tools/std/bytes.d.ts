/** Types of std's byte functions in use, as in JSR's `@std/bytes`. */

export function concat(buffers: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
export function equals(a: Uint8Array, b: Uint8Array): boolean;
