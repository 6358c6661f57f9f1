/** Types of std's bytes, as JSR's `@std/bytes` has them: what serves here. */

export function concat(buffers: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
