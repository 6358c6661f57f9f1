/** When things happened in a run, and long lines with fewer points. */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { thinned, timedRun } from "../../../example/report/timed_run.ts";
import { readRecord } from "../../../example/report/record.ts";
import { check } from "../../support/property.ts";
import { madeUpEvents, recordText } from "../../support/report_runs.ts";

/** Two epochs of 5 reports: 4,000 words each, at 2,000 a second; an epoch takes 12.5 seconds. */
const EVENTS = madeUpEvents({ nce: true }, 2);
const timed = (text: string) => timedRun(readRecord(text));

Deno.test("timedRun() counts epochs, words and seconds from the start of the run", () => {
  const { train, epochs } = timed(recordText(EVENTS));
  assertEquals(epochs.map(({ at }) => at), [
    { epochs: 1, tokens: 20_000, seconds: 12.5 },
    { epochs: 2, tokens: 40_000, seconds: 25 },
  ]);
  assertEquals(train.slice(4, 7).map(({ at }) => at), [
    { epochs: 1, tokens: 20_000, seconds: 10 },
    { epochs: 1.2, tokens: 24_000, seconds: 14.5 },
    { epochs: 1.4, tokens: 28_000, seconds: 16.5 },
  ]);
  assertEquals(train.map(({ epoch }) => epoch), [1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
  const record = readRecord(recordText(EVENTS)), [first] = record.train;
  const idle = { ...first!, tokens: 0, tokensPerSecond: NaN }; // a report of no word
  const again = timedRun({ ...record, train: [idle, ...record.train] });
  assertEquals([again.train.slice(1), again.epochs], [train, epochs]);
  const going = timedRun({ ...record, epochs: record.epochs.slice(0, 1) }); // in its second epoch
  assertEquals([going.train, going.epochs], [train, epochs.slice(0, 1)]);
});

Deno.test("timedRun() has the epochs in order, also one that has lost its reports", () => {
  const events = madeUpEvents({ nce: true }, 11);
  const { epochs } = timed(recordText(events.filter(({ event }, i) => event !== "train" || i > 9)));
  assertEquals(epochs.map(({ at }) => at.epochs), epochs.map((_, i) => i + 1));
  assertEquals(epochs.map(({ at }) => at.seconds), epochs.map((_, i) => 12.5 * (i + 1)));
});

Deno.test("timedRun() does not lose the time before an epoch was stopped", () => {
  // The rest of a resumed epoch took 3 seconds; its training as a whole 10.
  const text = recordText(EVENTS).replace('"seconds":12.5', '"seconds":3');
  assertEquals(timed(text).epochs.map(({ at }) => at.seconds), [10, 22.5]);
});

Deno.test("timedRun() leaves open what an old record does not tell", () => {
  const text = recordText(EVENTS).replace(/"tokens":\d+,/g, "");
  const { train, epochs } = timed(text);
  assertEquals(
    train.map(({ at }) => at.epochs),
    timed(recordText(EVENTS)).train.map((r) => r.at.epochs),
  );
  assert(train.every(({ at }) => Number.isNaN(at.tokens) && Number.isNaN(at.seconds)));
  assertEquals(epochs.map(({ at }) => at), [
    { epochs: 1, tokens: NaN, seconds: 12.5 },
    { epochs: 2, tokens: NaN, seconds: 25 },
  ]);
});

Deno.test("thinned() keeps the ends and the extremes, in order, and no more than asked for", () => {
  const point = fc.tuple(fc.nat(), fc.double({ noNaN: true }));
  check(
    fc.property(
      fc.array(point, { maxLength: 300 }),
      fc.integer({ min: 4, max: 60 }),
      (all, most) => {
        const kept = thinned(all, most);
        assert(kept.length <= most);
        let from = 0;
        for (const one of kept) from = all.indexOf(one, from) + 1;
        if (all.length === 0) return;
        assert(from > 0);
        assertEquals([kept[0], kept.at(-1)], [all[0], all.at(-1)]);
        const ys = (points: readonly (readonly [number, number])[]) => points.map(([, y]) => y);
        assertAlmostEquals(Math.min(...ys(kept)), Math.min(...ys(all)));
        assertAlmostEquals(Math.max(...ys(kept)), Math.max(...ys(all)));
      },
    ),
  );
});

Deno.test("thinned() keeps no more than asked for where every stretch has all that it may keep", () => {
  const points = [5, 0, 9, 5, 5, 5, 5, 0, 9, 5, 5, 5].map((y, x) => [x, y] as const);
  for (const most of [4, 5, 6, 7]) assert(thinned(points, most).length <= most);
  assertEquals(thinned(points, 7).map(([x]) => x), [0, 1, 2, 6, 7, 8, 11]);
  assertEquals(thinned([...points, [12, 5] as const], 7).map(([x]) => x), [0, 1, 2, 7, 8, 12]);
  assertEquals(thinned(points, points.length), points);
});
