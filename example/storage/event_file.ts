/**
 * Event files as TensorBoard reads them. A record is a `tensorflow.Event` in the wire format of Protocol
 * Buffers between its length, 8 bytes, and checksums of both, 4 bytes each; all are little-endian.
 */

import { concat } from "@std/bytes";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A figure, or a text in Markdown. */
export interface BoardValue {
  /** Its name; figures whose names begin alike up to a slash are shown together. */
  readonly tag: string;
  readonly value: number | string;
}

/** What TensorBoard expects to be told in the first record. */
const VERSION = "brain.Event:2";
/** `DT_STRING` of `tensorflow.DataType`. */
const STRING = 7;
/** `DATA_CLASS_TENSOR` of `tensorflow.DataClass`. */
const TENSOR_CLASS = 2;

/** The record that a file begins with. */
export function versionRecord(): Uint8Array<ArrayBuffer> {
  return record(event().tag(3, WireType.LengthDelimited).string(VERSION).finish());
}

/** A record of values at a training step. */
export function valuesRecord(step: number, values: readonly BoardValue[]): Uint8Array<ArrayBuffer> {
  const writer = event().tag(2, WireType.Varint).int64(step);
  nested(writer, 5, () => values.forEach((value) => nested(writer, 1, () => put(writer, value))));
  return record(writer.finish());
}

/** An `Event` with the time, so far. */
function event(): BinaryWriter {
  return new BinaryWriter().tag(1, WireType.Bit64).double(Date.now() / 1000);
}

/** Writes a `Summary.Value`. */
function put(writer: BinaryWriter, { tag, value }: BoardValue): void {
  writer.tag(1, WireType.LengthDelimited).string(tag);
  if (typeof value === "number") {
    writer.tag(2, WireType.Bit32).float(Math.fround(value)); // what is too large becomes infinite
    return;
  }
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

/** Writes a message as the field `number` of another. */
function nested(writer: BinaryWriter, number: number, write: () => void): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function record(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = new Uint8Array(new BigUint64Array([BigInt(data.length)]).buffer);
  return concat([length, checksum(length), data, checksum(data)]);
}

/** CRC-32C, rotated and shifted, so that the checksum of bytes with checksums in them is a good one. */
function checksum(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  return new Uint8Array(Uint32Array.of((crc >>> 15 | crc << 17) + 0xa282ead8).buffer);
}

/** Remainders of each byte, by Castagnoli's polynomial. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, remainder) => {
  for (let bit = 0; bit < 8; bit++) remainder = remainder >>> 1 ^ (remainder & 1) * 0x82f63b78;
  return remainder;
});

/** CRC-32C of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  return ~bytes.reduce((crc, byte) => REMAINDERS[(crc ^ byte) & 255]! ^ crc >>> 8, -1) >>> 0;
}
