/**
 * The safetensors file format, for float32 tensors.
 *
 * A little-endian u64 with the length of the header, the header as JSON (for each tensor its dtype,
 * shape and place, and `__metadata__` with texts), then the tensors' bytes without gaps.
 */

import { Failure } from "./errors.ts";

/** A float32 tensor: `data` in row-major order. */
export interface SafeTensor {
  /** Sizes of the dimensions; empty for a single number. */
  shape: number[];
  /** As many numbers as the product of `shape`. */
  data: Float32Array;
}

/** What a file holds. */
export interface Safetensors {
  /** The tensors by name, in the order of their bytes. */
  tensors: Map<string, SafeTensor>;
  /** Texts by name. */
  metadata: Record<string, string>;
}

const LENGTH_BYTES = 8;
/** Readers in use refuse headers above this. */
const MAX_HEADER = 100_000_000;
const F32_BYTES = 4;

/** The bytes of a file with these tensors. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  let size = 0;
  for (const [name, { shape, data }] of tensors) {
    if (name === "__metadata__") throw new TypeError(`A tensor cannot be named ${name}`);
    if (product(shape) !== data.length) {
      throw new TypeError(`Cannot save ${name}: it is [${shape}] but has ${data.length} numbers`);
    }
    const end = size + data.byteLength;
    entries.push([name, { dtype: "F32", shape, data_offsets: [size, end] }]);
    size = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const start = Math.ceil((LENGTH_BYTES + json.length) / 8) * 8;
  if (start - LENGTH_BYTES > MAX_HEADER) {
    throw new RangeError(`Cannot save: the header has ${json.length} bytes, above ${MAX_HEADER}`);
  }
  const bytes = new Uint8Array(start + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - LENGTH_BYTES), true);
  bytes.set(json, LENGTH_BYTES);
  bytes.fill(0x20, LENGTH_BYTES + json.length, start);
  let at = start;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Reads the bytes of a file; `fileName` is for messages. Tensors share memory with `bytes` where
 * alignment allows.
 *
 * @throws {Failure} If the bytes are not such a file, are damaged, or have a dtype other than F32.
 */
export function decodeSafetensors(bytes: Uint8Array, fileName: string): Safetensors {
  const fail = (why: string): never => {
    throw new Failure(`Cannot load ${fileName}: ${why}`);
  };
  const { header, start } = readHeader(bytes, fail);
  const size = bytes.length - start;
  const found: { name: string; shape: number[]; begin: number; end: number }[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") metadata = readMetadata(entry, fail);
    else found.push({ name, ...readEntry(name, entry, size, fail) });
  }
  found.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const tensors = new Map<string, SafeTensor>();
  let covered = 0;
  for (const { name, shape, begin, end } of found) {
    if (begin < covered) fail(`the bytes of ${name} overlap those of another tensor`);
    if (begin > covered) fail(`${begin - covered} bytes before ${name} belong to no tensor`);
    covered = end;
    tensors.set(name, { shape, data: floats(bytes, start + begin, start + end) });
  }
  if (covered < size) fail(`${size - covered} bytes at the end belong to no tensor`);
  return { tensors, metadata };
}

type Fail = (why: string) => never;

function readHeader(
  bytes: Uint8Array,
  fail: Fail,
): { header: Record<string, unknown>; start: number } {
  if (bytes.length < LENGTH_BYTES) return fail(`it is truncated: ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const start = LENGTH_BYTES + length;
  if (start > bytes.length || length > MAX_HEADER) {
    return fail(
      `it is truncated or no safetensors file: a header of ${length} bytes in a file of ${bytes.length}`,
    );
  }
  let header: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    header = JSON.parse(text.decode(bytes.subarray(LENGTH_BYTES, start)));
  } catch {
    return fail("its header is not JSON");
  }
  return isRecord(header) ? { header, start } : fail("its header is not a JSON object");
}

function readMetadata(entry: unknown, fail: Fail): Record<string, string> {
  if (!isRecord(entry)) return fail("its metadata is not a JSON object");
  const texts: [string, string][] = [];
  for (const [name, value] of Object.entries(entry)) {
    if (typeof value !== "string") return fail(`its metadata ${name} is not a text`);
    texts.push([name, value]);
  }
  return Object.fromEntries(texts);
}

function readEntry(
  name: string,
  entry: unknown,
  size: number,
  fail: Fail,
): { shape: number[]; begin: number; end: number } {
  if (!isRecord(entry)) return fail(`its entry ${name} is not a JSON object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (dtype !== "F32") return fail(`${name} is ${JSON.stringify(dtype)}, only "F32" is supported`);
  if (!isSizes(shape)) return fail(`the shape of ${name} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail(`the offsets of ${name} are not two positions`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > size) {
    return fail(`${name} is at bytes ${begin} to ${end} of ${size}: truncated or damaged`);
  }
  if (product(shape) * F32_BYTES !== end - begin) {
    return fail(`${name} is [${shape}] but has ${end - begin} bytes`);
  }
  return { shape, begin, end };
}

function floats(bytes: Uint8Array, begin: number, end: number): Float32Array {
  const at = bytes.byteOffset + begin;
  if (at % F32_BYTES === 0) return new Float32Array(bytes.buffer, at, (end - begin) / F32_BYTES);
  return new Float32Array(bytes.slice(begin, end).buffer);
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
