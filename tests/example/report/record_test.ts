/** Records of runs: whole, cut off, damaged, old, resumed, and of several runs. */

import { assertEquals } from "@std/assert";
import { readRecord } from "../../../example/report/record.ts";
import type { MetricsEvent } from "../../../example/storage/metrics.ts";
import { madeUpEvents, recordText } from "../../support/report_runs.ts";

const EVENTS = madeUpEvents({ nce: true, audit: "50" }, 3), TEXT = recordText(EVENTS);

/** The steps of a record's reports, audits and epochs. */
function stepsOf(text: string): number[][] {
  const { train, audits, epochs } = readRecord(text);
  return [train, audits, epochs].map((events) => events.map(({ step }) => step));
}

/** Events of one kind. */
function ofKind<Kind extends MetricsEvent["event"]>(kind: Kind) {
  return EVENTS.filter((event): event is Extract<MetricsEvent, { event: Kind }> =>
    event.event === kind
  );
}

Deno.test("readRecord() has every figure of a whole record", () => {
  const record = readRecord(TEXT);
  const [start] = ofKind("start"), { config, adapter, vocabulary } = start!;
  assertEquals<unknown>(record.config, JSON.parse(JSON.stringify(config)));
  assertEquals([record.adapter, record.vocabulary], [adapter, vocabulary]);
  assertEquals([record.earlier, record.unread], [0, 0]);
  const plain = ofKind("train").map(({ event: _, ...figures }) => figures);
  assertEquals<unknown>(record.train, plain);
  assertEquals<unknown>(record.audits, ofKind("audit").map(({ event: _, ...figures }) => figures));
  assertEquals(record.epochs.map(({ validPpl }) => validPpl), [400, 200, 400 / 3]);
  assertEquals(record.epochs[0]!.card?.histogram?.counts, [3, 40, 41, 5]);
  assertEquals([record.epochs[0]!.validLoss, record.epochs[0]!.validPplKnown], [NaN, NaN]);
  const [test] = record.tests;
  assertEquals([test!.evaluation, test!.ppl, test!.pplKnown], ["full", 123.456, 111.25]);
  assertEquals([test!.card?.normTerm, test!.card?.mean, test!.card?.std], [9, 9.25, 0.125]);
  assertEquals(test!.frequency.map(({ name, ppl }) => [name, ppl]), [
    ["head", 12.5],
    ["torso", 345.5],
    ["tail", 4567.25],
    ["<unk>", NaN],
  ]);
});

Deno.test("readRecord() leaves out what is no event, and counts it", () => {
  const lines = TEXT.trimEnd().split("\n");
  const others = [
    ...["{", "null", "[]", '"train"', "{}", '{"event":1}', '{"event":"else","step":1}'],
    ...['{"event":"toString"}', '{"event":"train","step":1}', '{"event":"audit","step":null}'],
    ...["\u0000\u0000", "\ufffd"],
  ];
  const mixed = lines.flatMap((line, i) => i < others.length ? [others[i], "", line] : [line]);
  const { unread, ...rest } = readRecord(mixed.join("\r\n"));
  assertEquals(unread, others.length);
  assertEquals(rest, (({ unread: _, ...rest }) => rest)(readRecord(TEXT)));
});

Deno.test("readRecord() takes what is not finite, missing or of a wrong type for no figure", () => {
  const line = { event: "epoch", epoch: 1, step: 9, validPpl: null, lr: "1", trainLoss: {} };
  const bars = [
    { from: 1, to: 1, counts: [1] },
    { from: 1, to: 2, counts: [] },
    { from: 1, to: 2, counts: [1, null] },
    { from: 1, to: 2 },
    null,
  ];
  for (const histogram of bars) {
    const text = JSON.stringify({ ...line, selfNormalization: { mean: 9, histogram } });
    const [epoch] = readRecord(text).epochs;
    assertEquals([epoch!.validPpl, epoch!.lr, epoch!.trainLoss], [NaN, NaN, NaN]);
    assertEquals([epoch!.card?.mean, epoch!.card?.std, epoch!.card?.histogram], [
      9,
      NaN,
      undefined,
    ]);
  }
  const [test] = readRecord('{"event":"test","frequency":[1,{"name":5}],"evaluation":3}').tests;
  assertEquals([test!.evaluation, test!.frequency.length], ["unknown", 1]);
});

Deno.test("readRecord() counts what a resumed run did again once, as it was done last", () => {
  const whole = stepsOf(TEXT), lines = TEXT.trimEnd().split("\n");
  assertEquals(whole[1], [100, 200, 300]);
  for (let stop = 2; stop < lines.length; stop++) {
    for (let checkpoint = 1; checkpoint < stop; checkpoint++) {
      const again = lines.slice(checkpoint).map((line) => line.replace('"lr":', '"again":1,"lr":'));
      const text = [...lines.slice(0, stop), ...again].join("\n");
      assertEquals(stepsOf(text), whole, `${checkpoint} ${stop}`);
      assertEquals(readRecord(text).tests.length, 1);
    }
  }
  // Reports at other steps than before replace those behind them, too.
  const more = '{"event":"train","step":50,"epoch":1,"batch":50,"batches":100,"loss":7}';
  const [train, audits, epochs] = stepsOf(`${TEXT}${more}\n`);
  assertEquals([train, audits, epochs], [[20, 40, 50], [], []]);
  assertEquals(readRecord(`${TEXT}${more}\n`).tests, []);
});

Deno.test("readRecord() forgets what comes after a step that is done again, of any kind", () => {
  const [start, ...events] = TEXT.split("\n"), [first] = events;
  const train = (step: number) => first!.replace('"step":20', `"step":${step}`);
  const audit = '{"event":"audit","step":30}';
  assertEquals(stepsOf([start, train(20), audit, train(25)].join("\n")), [[20, 25], [], []]);
  assertEquals(stepsOf([start, train(20), audit, train(30)].join("\n")), [[20, 30], [30], []]);
  // A test is of what was trained by then.
  const longer = readRecord(`${TEXT}${train(320)}`);
  assertEquals([longer.tests, longer.train.at(-1)?.step], [[], 320]);
});

Deno.test("readRecord() reads the last run of several, with the tests after it", () => {
  const second = madeUpEvents({ loss: "full" }, 1), test = EVENTS.at(-1)!;
  const record = readRecord(TEXT + TEXT + recordText([...second, test, test]));
  assertEquals([record.earlier, record.epochs.length, record.tests.length], [2, 1, 3]);
  assertEquals([record.config["loss"], record.audits], ["full", []]);
});

Deno.test("readRecord() reads a record without its beginning, and an empty one", () => {
  const text = TEXT.slice(TEXT.indexOf("\n") + 1), record = readRecord(text);
  assertEquals(stepsOf(text), stepsOf(TEXT));
  assertEquals([record.config, record.adapter, record.vocabulary], [{}, undefined, NaN]);
  assertEquals(readRecord("").tests, []);
});
