/** Event files: checksums, and the records that they hold. */

import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes";
import {
  type BoardValue,
  crc32c,
  valuesRecord,
  versionRecord,
} from "../../../example/storage/event_file.ts";
import { crc32c as bitwise, readByProtoc, readEvents } from "../../support/event_reader.ts";

Deno.test("crc32c() gives the values of RFC 3720", () => {
  const bytes = (value: (i: number) => number) =>
    Uint8Array.from({ length: 32 }, (_, i) => value(i));
  const cases: [Uint8Array, number][] = [
    [new TextEncoder().encode("123456789"), 0xe3069283],
    [bytes(() => 0), 0x8a9136aa],
    [bytes(() => 255), 0x62a8ab43],
    [bytes((i) => i), 0x46dd794e],
    [bytes((i) => 31 - i), 0x113fdb5c],
    [new Uint8Array(), 0],
  ];
  for (const [data, crc] of cases) assertEquals([crc32c(data), bitwise(data)], [crc, crc]);
});

const VALUES: readonly BoardValue[] = [
  { tag: "a/b", value: 0.1 },
  { tag: "größer", value: 1e300 },
  { tag: "none", value: NaN },
  { tag: "text", value: "| ü |\n| - |" },
  { tag: "minus", value: -3 },
  { tag: "bars", value: { from: 8, to: 10, counts: [3, 0, 1, 4], mean: 9, std: 0.5 } },
];

Deno.test("records are read again by another reader, whatever their step and their values", () => {
  const steps = [0, 1, 127, 128, 2 ** 31, 2 ** 40 + 3], before = Date.now() / 1000;
  const file = concat([versionRecord(), ...steps.map((step) => valuesRecord(step, VALUES))]);
  const [version, ...events] = readEvents(file);
  assertEquals([version?.version, version?.step, version?.values], ["brain.Event:2", 0, []]);
  assertEquals(events.map(({ step }) => step), steps);
  for (const { time, values } of events) {
    assert(time >= before && time <= Date.now() / 1000);
    assertEquals(values, [
      { tag: "a/b", figure: Math.fround(0.1) },
      { tag: "größer", figure: Infinity },
      { tag: "none", figure: NaN },
      { tag: "text", text: "| ü |\n| - |", plugin: "text", kinds: [7, 2, 0] },
      { tag: "minus", figure: -3 },
      {
        tag: "bars",
        histogram: {
          numbers: [8, 10, 8, 72, 650],
          limits: [8.5, 9, 9.5, 10],
          counts: [3, 0, 1, 4],
        },
      },
    ]);
  }
});

Deno.test("protoc reads the records as the messages that TensorFlow defines", () => {
  const figures = [0.1, 1.5e-20, -3, 1e30];
  const values = figures.map((value, i) => ({ tag: `t${i}`, value }));
  const others = [{ tag: "text", value: "a" }, VALUES.at(-1)!];
  const read = readByProtoc(concat([versionRecord(), valuesRecord(7, [...values, ...others])]));
  if (read === undefined) return console.log("protoc is not installed");
  const rounded = read[1]!.map(([tag, figure]) => [tag, Math.fround(figure)]);
  assertEquals(rounded, values.map(({ tag, value }) => [tag, Math.fround(value)]));
});

Deno.test("the first record begins with the bytes that every event file of TensorBoard begins with", () => {
  const start = Uint8Array.of(0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22);
  assertEquals(versionRecord().subarray(0, 12), start);
});
