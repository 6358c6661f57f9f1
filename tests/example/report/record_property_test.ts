/** Records cut and mixed anywhere. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { timedRun } from "../../../example/report/timed_run.ts";
import { readRecord } from "../../../example/report/record.ts";
import { check } from "../../support/property.ts";
import { madeUpEvents, recordText } from "../../support/report_runs.ts";

const TEXT = recordText(madeUpEvents({ nce: true }, 2));
const WHOLE = readRecord(TEXT);

Deno.test("a record that is cut off anywhere has the events before", () => {
  check(fc.property(fc.nat(TEXT.length), (length) => {
    const { train, epochs, unread } = readRecord(TEXT.slice(0, length));
    assertEquals(train, WHOLE.train.slice(0, train.length));
    assertEquals(epochs, WHOLE.epochs.slice(0, epochs.length));
    const before = TEXT.slice(0, length).split("\n").slice(0, -1);
    const isWhole = TEXT[length] === "\n" || length === TEXT.length;
    const whole = before.concat(isWhole ? TEXT.slice(0, length).split("\n").slice(-1) : [])
      .filter((line) => line.startsWith('{"event":"train"'));
    assertEquals(train.length, whole.length);
    assert(unread <= 1);
  }));
});

const LINE = fc.oneof(
  fc.json(),
  fc.string(),
  fc.record({
    event: fc.constantFrom("start", "train", "audit", "epoch", "test"),
    ...{ step: fc.nat(9), epoch: fc.nat(3), batch: fc.nat(9), batches: fc.nat(9) },
    tokens: fc.oneof(fc.nat(), fc.double(), fc.jsonValue()),
    selfNormalization: fc.jsonValue(),
    frequency: fc.jsonValue(),
    config: fc.jsonValue(),
  }, { requiredKeys: ["event", "step", "epoch", "batch", "batches"] })
    .map((event) => JSON.stringify(event)),
);

Deno.test("whatever lines a record has, it is read, and its steps only rise", () => {
  check(fc.property(fc.array(LINE, { maxLength: 30 }), (lines) => {
    const record = readRecord(lines.join("\n"));
    for (const events of [record.train, record.audits, record.epochs]) {
      const steps = events.map(({ step }) => step);
      assertEquals(steps, [...new Set(steps)].sort((a, b) => a - b));
    }
    const { train, epochs } = timedRun(record);
    assertEquals(train.length, record.train.length);
    assert(epochs.length <= record.epochs.length);
  }));
});
