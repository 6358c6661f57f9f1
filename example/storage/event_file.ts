/**
 * TensorBoard event files. A record has a length (8 bytes), the length's checksum (4 bytes), a
 * `tensorflow.Event` as a Protocol Buffers message, and its checksum (4 bytes), all little-endian.
 */

import { concat } from "@std/bytes";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Histogram } from "../evaluation/card.ts";

/** A histogram of values with this mean and standard deviation. */
export interface BoardHistogram extends Histogram {
  readonly mean: number;
  readonly std: number;
}

/** A number, a text in Markdown, or a histogram. */
export interface BoardValue {
  /** Its name; TensorBoard groups names by their prefix up to a slash. */
  readonly tag: string;
  readonly value: number | string | BoardHistogram;
}

/** File version that TensorBoard expects in the first record. */
const VERSION = "brain.Event:2";
/** `DT_STRING` of `tensorflow.DataType`. */
const STRING = 7;
/** `DATA_CLASS_TENSOR` of `tensorflow.DataClass`. */
const TENSOR_CLASS = 2;

/** The first record of a file. */
export function versionRecord(): Uint8Array<ArrayBuffer> {
  return recordBytes(event().tag(3, WireType.LengthDelimited).string(VERSION).finish());
}

/** A record of values at a training step. */
export function valuesRecord(step: number, values: readonly BoardValue[]): Uint8Array<ArrayBuffer> {
  const writer = event().tag(2, WireType.Varint).int64(step);
  nested(writer, 5, () => values.forEach((value) => nested(writer, 1, () => put(writer, value))));
  return recordBytes(writer.finish());
}

/** Starts an `Event` with the time. */
function event(): BinaryWriter {
  return new BinaryWriter().tag(1, WireType.Bit64).double(Date.now() / 1000);
}

/** Writes a `Summary.Value`. */
function put(writer: BinaryWriter, { tag, value }: BoardValue): void {
  writer.tag(1, WireType.LengthDelimited).string(tag);
  if (typeof value === "number") {
    writer.tag(2, WireType.Bit32).float(Math.fround(value)); // values that are too large become infinite
    return;
  }
  if (typeof value === "object") return nested(writer, 5, () => putHistogram(writer, value));
  nested(writer, 8, () => { // a TensorProto without dimensions
    writer.tag(1, WireType.Varint).int32(STRING);
    nested(writer, 2, () => {});
    writer.tag(8, WireType.LengthDelimited).string(value);
  });
  nested(writer, 9, () => { // its SummaryMetadata
    nested(writer, 1, () => writer.tag(1, WireType.LengthDelimited).string("text"));
    writer.tag(4, WireType.Varint).int32(TENSOR_CLASS);
  });
}

/** Writes the fields of a `HistogramProto`. */
function putHistogram(writer: BinaryWriter, { from, to, counts, mean, std }: BoardHistogram): void {
  const values = counts.reduce((sum, count) => sum + count, 0);
  const sums = [values, values * mean, values * (std ** 2 + mean ** 2)];
  [from, to, ...sums].forEach((number, i) => writer.tag(i + 1, WireType.Bit64).double(number));
  const width = (to - from) / counts.length;
  const limits = counts.map((_, i) => from + (i + 1) * width);
  [limits, counts].forEach((list, i) => {
    nested(writer, 6 + i, () => list.forEach((number) => writer.double(number)));
  });
}

/** Writes a nested message as field `number`. */
function nested(writer: BinaryWriter, number: number, write: () => void): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function recordBytes(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = new Uint8Array(new BigUint64Array([BigInt(data.length)]).buffer);
  return concat([length, checksum(length), data, checksum(data)]);
}

/** Masked CRC-32C: rotated and offset, since a CRC of data that contains CRCs is weak. */
function checksum(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  return new Uint8Array(Uint32Array.of((crc >>> 15 | crc << 17) + 0xa282ead8).buffer);
}

/** Table of CRC remainders for each byte, with Castagnoli's polynomial. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, remainder) => {
  for (let bit = 0; bit < 8; bit++) remainder = remainder >>> 1 ^ (remainder & 1) * 0x82f63b78;
  return remainder;
});

/** CRC-32C of `bytes`. */
export function crc32c(bytes: Uint8Array): number {
  return ~bytes.reduce((crc, byte) => REMAINDERS[(crc ^ byte) & 255]! ^ crc >>> 8, -1) >>> 0;
}
