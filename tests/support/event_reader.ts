/**
 * A reader of TensorBoard event files that shares no code of the program: records with checksums, fields of
 * messages, and Google's own decoder where installed.
 */

import { assertEquals } from "@std/assert";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** A value of an event: a figure, a histogram, or a text with the plugin that shows it. */
export interface ReadValue {
  readonly tag: string;
  readonly figure?: number;
  readonly text?: string;
  readonly plugin?: string;
  /** The numbers of its `DataType` and its `DataClass`, and the bytes of its shape. */
  readonly kinds?: readonly (number | undefined)[];
  readonly histogram?: ReadHistogram;
}

/** A `HistogramProto`. */
export interface ReadHistogram {
  /** Smallest and largest value, number of values, and the sums of values and of their squares. */
  readonly numbers: readonly number[];
  /** Upper limits of the intervals. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/** An event. */
export interface ReadEvent {
  /** Seconds since 1970. */
  readonly time: number;
  readonly step: number;
  readonly version?: string;
  readonly values: readonly ReadValue[];
}

/** The events of a file; throws if a checksum is wrong or bytes are left over. */
export function readEvents(file: Uint8Array): ReadEvent[] {
  return recordsOf(file).map(eventOf);
}

/** The records of a file, without lengths and checksums. */
function recordsOf(file: Uint8Array): Uint8Array[] {
  const view = viewOf(file), records = [];
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true)),
      data = file.subarray(at + 12, at + 12 + length);
    assertEquals(unmask(view.getUint32(at + 8, true)), crc32c(file.subarray(at, at + 8)));
    assertEquals(unmask(view.getUint32(at + 12 + length, true)), crc32c(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** The inverse of TensorFlow's `Mask()` of a checksum. */
function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return (rotated << 15 | rotated >>> 17) >>> 0;
}

/** CRC-32C, bit by bit. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** A field of a message: its number, and its bytes or the integer value of a varint. */
type Field = readonly [number: number, value: Uint8Array | number];

function fieldsOf(message: Uint8Array): Field[] {
  const reader = new BinaryReader(message), fields: Field[] = [];
  while (reader.pos < reader.len) {
    const [number, kind] = reader.tag();
    if (kind === WireType.Varint) fields.push([number, Number(reader.int64())]);
    else if (kind === WireType.LengthDelimited) fields.push([number, reader.bytes()]);
    else fields.push([number, reader.skip(kind)]);
  }
  return fields;
}

/** The bytes of the first field of this number; of a path of them, the innermost. */
function bytesAt(message: Uint8Array, ...path: number[]): Uint8Array | undefined {
  return path.reduce<Uint8Array | undefined>((inner, number) => {
    const value = inner && fieldsOf(inner).find(([own]) => own === number)?.[1];
    return value instanceof Uint8Array ? value : undefined;
  }, message);
}

function eventOf(message: Uint8Array): ReadEvent {
  const step = fieldsOf(message).find(([number]) => number === 2)?.[1] ?? 0;
  const summary = bytesAt(message, 5) ?? new Uint8Array();
  return {
    time: viewOf(bytesAt(message, 1)!).getFloat64(0, true),
    step: Number(step),
    ...named("version", textAt(message, 3)),
    values: fieldsOf(summary).map(([, value]) => valueOf(value as Uint8Array)),
  };
}

function valueOf(message: Uint8Array): ReadValue {
  const figure = bytesAt(message, 2), histogram = bytesAt(message, 5), tensor = bytesAt(message, 8);
  return {
    tag: textAt(message, 1) ?? "",
    ...named("figure", figure && viewOf(figure).getFloat32(0, true)),
    ...named("histogram", histogram && histogramOf(histogram)),
    ...named("text", textAt(message, 8, 8)),
    ...named("plugin", textAt(message, 9, 1, 1)),
    ...named(
      "kinds",
      tensor &&
        [numberAt(tensor, 1), numberAt(bytesAt(message, 9)!, 4), bytesAt(tensor, 2)?.length],
    ),
  };
}

function histogramOf(message: Uint8Array): ReadHistogram {
  return {
    numbers: [1, 2, 3, 4, 5].flatMap((field) => doublesAt(message, field)),
    limits: doublesAt(message, 6),
    counts: doublesAt(message, 7),
  };
}

/** The doubles of a field, one or several packed together. */
function doublesAt(message: Uint8Array, field: number): number[] {
  const bytes = bytesAt(message, field) ?? new Uint8Array(), view = viewOf(bytes);
  return Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
}

function named<T>(name: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [name]: value };
}

function numberAt(message: Uint8Array, number: number): number | undefined {
  const value = fieldsOf(message).find(([own]) => own === number)?.[1];
  return typeof value === "number" ? value : undefined;
}

function textAt(message: Uint8Array, ...path: number[]): string | undefined {
  const bytes = bytesAt(message, ...path);
  return bytes && new TextDecoder().decode(bytes);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** TensorFlow's message definitions, limited to the fields in use. */
const PROTO = `syntax = "proto3";
package tensorflow;
message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
message Summary { repeated Value value = 1; message Value {
  string tag = 1; SummaryMetadata metadata = 9;
  oneof value { float simple_value = 2; HistogramProto histo = 5; TensorProto tensor = 8; } } }
message HistogramProto { double min = 1; double max = 2; double num = 3; double sum = 4;
  double sum_squares = 5; repeated double bucket_limit = 6; repeated double bucket = 7; }
message TensorProto { int32 dtype = 1; TensorShapeProto tensor_shape = 2; repeated bytes string_val = 8; }
message TensorShapeProto { repeated Dim dim = 2; message Dim { int64 size = 1; string name = 2; } }
message SummaryMetadata { PluginData plugin_data = 1; int32 data_class = 4;
  message PluginData { string plugin_name = 1; bytes content = 2; } }
`;

/**
 * Tags and figures of a file as Google's `protoc --decode` reads its records.
 *
 * @returns Undefined where it is not installed.
 */
export function readByProtoc(file: Uint8Array): [tag: string, figure: number][][] | undefined {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/event.proto`, PROTO);
    const records = recordsOf(file);
    records.forEach((data, i) => Deno.writeFileSync(`${folder}/${i}`, data));
    const each = `for i in $(seq 0 ${records.length - 1}); do
      protoc --decode=tensorflow.Event --proto_path=. event.proto < $i || exit 1; echo ---; done`;
    const script = `command -v protoc > /dev/null || exit 127; cd "${folder}"; ${each}`;
    const { code, stdout, stderr } = new Deno.Command("bash", { args: ["-c", script] })
      .outputSync();
    if (code === 127) return undefined;
    assertEquals(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout).split("---\n").slice(0, -1).map((text) => {
      if (/^\s*\d+:/m.test(text)) throw new Error(`Unknown field: ${text}`);
      return [...text.matchAll(/tag: "(.*)"\s+simple_value: (\S+)/g)]
        .map(([, tag, figure]) => [tag!, Number(figure)]);
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
