/**
 * The safetensors file format.
 *
 * A little-endian u64 with the length of the header, the header as JSON (for each tensor its dtype,
 * shape and place, and `__metadata__` with texts), then the tensors' bytes without gaps.
 */

import { type Fail, Failure } from "../shared/errors.ts";
import type { ByteSource } from "../shared/files.ts";
import { isRecord } from "../shared/json.ts";
import { product } from "../model/shapes.ts";

/** Location of a tensor. */
export interface TensorPlace {
  /** Sizes of the dimensions; empty for a single number. */
  readonly shape: readonly number[];
  /** Position of its first byte in the file. */
  readonly begin: number;
  /** Position after its last byte. */
  readonly end: number;
}

/** A parsed header. */
export interface Layout {
  /** The tensors by name, in the order of their bytes. */
  readonly places: ReadonlyMap<string, TensorPlace>;
  /** Texts by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Maximum bytes of a header: common readers reject more. */
const MAX_HEADER = 100_000_000;
const LENGTH_BYTES = 8;
/** Bytes of a number of each type in use. */
const DTYPE_BYTES = { F64: 8, F32: 4, U8: 1 } as const;
const MAX_REASON = 300;
/** How a file of torch.save begins, and one of old versions: no header is so long. */
const ZIP = 0x04034b50, PICKLE = 0x80;

/** A type of numbers. */
export type Dtype = keyof typeof DTYPE_BYTES;

/** A tensor to be written, F32 unless its type is given. */
export type TensorEntry = readonly [name: string, shape: readonly number[], dtype?: Dtype];

/** The bytes of a file before those of the tensors, which follow in the order of `tensors`. */
export function encodeHeader(
  tensors: Iterable<TensorEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  let begin = 0;
  for (const [name, shape, dtype = "F32"] of tensors) {
    if (name === "__metadata__") throw new TypeError(`A tensor cannot be named ${name}`);
    const end = begin + DTYPE_BYTES[dtype] * product(shape);
    entries.push([name, { dtype, shape, data_offsets: [begin, end] }]);
    begin = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER) {
    throw new RangeError(`Cannot save: the header has ${length} bytes, above ${MAX_HEADER}`);
  }
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

/**
 * Reads and checks only the header of a file.
 *
 * @param dtypeOf The type that the named tensor must have; any, if it is undefined.
 * @throws {Failure} By {@linkcode cannotLoad}, if it is not a safetensors file, is damaged, or has another
 *   dtype.
 */
export function decodeHeader(
  file: ByteSource,
  dtypeOf: (name: string) => Dtype | undefined = () => "F32",
): Layout {
  const fail = cannotLoad(file.name);
  const { header, start } = readJson(file, fail);
  const found: [string, TensorPlace][] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") metadata = readMetadata(entry, fail);
    else {
      const data = { start, end: file.size, wanted: dtypeOf(name) };
      found.push([name, readEntry(name, entry, data, fail)]);
    }
  }
  found.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = start;
  for (const [name, { begin, end }] of found) {
    if (begin < covered) fail(`the bytes of ${name} overlap those of another tensor`);
    if (begin > covered) fail(`${begin - covered} bytes before ${name} belong to no tensor`);
    covered = end;
  }
  if (covered < file.size) fail(`${file.size - covered} bytes at the end belong to no tensor`);
  return { places: new Map(found), metadata };
}

/**
 * Only the texts of a file's header, whatever its tensors are.
 *
 * @throws {Failure} By {@linkcode cannotLoad}, if it is not a safetensors file or is damaged.
 */
export function metadataOf(file: ByteSource): Layout["metadata"] {
  return decodeHeader(file, () => undefined).metadata;
}

/** A {@linkcode Fail} for a file that cannot be loaded: one line of bounded length, even if the reason quotes the file. */
export function cannotLoad(fileName: string): Fail {
  return (why) => {
    const line = why.replace(/[\p{Cc}\u2028\u2029]/gu, " ");
    const short = line.length > MAX_REASON ? `${line.slice(0, MAX_REASON)}...` : line;
    throw new Failure(`Cannot load ${fileName}: ${short}`);
  };
}

function readJson(
  file: ByteSource,
  fail: Fail,
): { header: Record<string, unknown>; start: number } {
  if (file.size < LENGTH_BYTES) return fail(`it is truncated: it has ${file.size} bytes`);
  const { buffer, byteOffset } = file.read(0, LENGTH_BYTES);
  const first = new DataView(buffer, byteOffset), length = first.getBigUint64(0, true);
  const start = LENGTH_BYTES + Number(length);
  if (length > MAX_HEADER && (first.getUint32(0, true) === ZIP || first.getUint8(0) === PICKLE)) {
    fail("it is a file of torch.save; save the state_dict as safetensors (docs/pytorch.md)");
  }
  if (start > file.size || length > MAX_HEADER) {
    return fail(
      "it is truncated or no safetensors file: " +
        `a header of ${length} bytes in a file of ${file.size}`,
    );
  }
  const json = file.read(LENGTH_BYTES, start);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json));
  } catch {
    return fail("its header is not JSON");
  }
  return isRecord(header) ? { header, start } : fail("its header is not a JSON object");
}

function readMetadata(entry: unknown, fail: Fail): Record<string, string> {
  if (!isRecord(entry)) return fail("its metadata is not a JSON object");
  const bad = Object.keys(entry).find((name) => typeof entry[name] !== "string");
  return bad === undefined
    ? entry as Record<string, string>
    : fail(`its metadata ${bad} is not a text`);
}

function readEntry(
  name: string,
  entry: unknown,
  data: { start: number; end: number; wanted: Dtype | undefined },
  fail: Fail,
): TensorPlace {
  if (!isRecord(entry)) return fail(`its entry ${name} is not a JSON object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const { wanted } = data;
  if (wanted !== undefined && dtype !== wanted) {
    const cure = wanted === "F32" && isFloat(dtype) ? "; PyTorch's .float() converts it" : "";
    const found = typeof dtype === "string" ? dtype : "of no dtype";
    return fail(`${name} is ${found}, not ${wanted}${cure}`);
  }
  if (!isSizes(shape)) return fail(`the shape of ${name} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail(`the offsets of ${name} are not two positions`);
  }
  const [begin, end] = offsets as [number, number], size = data.end - data.start;
  if (begin > end || end > size) {
    return fail(`${name} is at bytes ${begin} to ${end} of ${size}: truncated or damaged`);
  }
  if (wanted !== undefined && product(shape) * DTYPE_BYTES[wanted] !== end - begin) {
    return fail(`${name} is [${shape}] but has ${end - begin} bytes`);
  }
  return { shape, begin: data.start + begin, end: data.start + end };
}

function isFloat(dtype: unknown): boolean {
  return dtype === "F64" || dtype === "F16" || dtype === "BF16";
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
