/** Metrics: the JSON lines of a run. */

import { assertEquals, assertMatch } from "@std/assert";
import { Metrics, type MetricsEvent } from "../../../example/storage/metrics.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { TensorBoard } from "../../../example/storage/tensorboard.ts";
import { captureIo } from "../../support/capture_io.ts";
import { readEvents } from "../../support/event_reader.ts";
import { inFolder } from "../../support/folder.ts";
import { onFullDisk } from "../../support/full_disk.ts";

Deno.test("Metrics.write() appends one JSON object a line when called again and again", async () => {
  await inFolder(() => {
    const config = parseSettings({});
    const events = [
      { event: "start", config, adapter: "llvmpipe", vocabulary: 10001, seed: 1111 },
      {
        event: "train",
        step: 200,
        epoch: 1,
        batch: 200,
        batches: 2104,
        tokens: 140000,
        loss: 5.5,
        lr: 1,
        tokensPerSecond: 4000,
      },
      {
        event: "epoch",
        epoch: 1,
        step: 2104,
        seconds: 9.5,
        trainLoss: 6.25,
        validPpl: 416.5,
        lr: 1,
        tokensPerSecond: 4000,
      },
      { event: "test", evaluation: "full", ppl: 264.6, tokens: 82430 },
    ] as const;
    const metrics = new Metrics("m", captureIo());
    events.slice(0, 2).forEach((event) => metrics.write(event));
    const again = new Metrics("m", captureIo());
    events.slice(2).forEach((event) => again.write(event));
    assertEquals(again.path, "saved_model/m.metrics.jsonl");
    const text = Deno.readTextFileSync(again.path);
    assertEquals(text, events.map((event) => JSON.stringify(event) + "\n").join(""));
    assertMatch(text, /^\{"event":"start","config":\{"train":false,/);
  });
});

Deno.test("Metrics.write() writes null when a figure is not finite", async () => {
  await inFolder(() => {
    const metrics = new Metrics("m", captureIo());
    metrics.write({ event: "test", evaluation: "full", ppl: Infinity, tokens: 0 });
    const text = Deno.readTextFileSync(metrics.path);
    assertEquals(text, '{"event":"test","evaluation":"full","ppl":null,"tokens":0}\n');
  });
});

Deno.test("Metrics are on disk once position() tells their size, and a board gets them, too", () =>
  inFolder(() => {
    const shown: MetricsEvent[] = [],
      board = { write: (event: MetricsEvent) => void shown.push(event) };
    const metrics = new Metrics("m", captureIo(), board);
    const event = { event: "test", evaluation: "nce", loss: 1, tokens: 2 } as const;
    metrics.write(event);
    const { syncSync } = Deno.FsFile.prototype;
    let synced = 0;
    Deno.FsFile.prototype.syncSync = function () {
      synced = this.statSync().size;
    };
    try {
      assertEquals([metrics.position(), synced], [synced, JSON.stringify(event).length + 1]);
    } finally {
      Deno.FsFile.prototype.syncSync = syncSync;
    }
    assertEquals(shown, [event]);
  }));

Deno.test("Metrics warns once, and loses no result, when it cannot be written", async () => {
  await inFolder(() => {
    const blockages = [
      () => Deno.writeTextFileSync("saved_model", ""),
      () => Deno.mkdirSync("saved_model/m.metrics.jsonl", { recursive: true }),
    ];
    for (const block of blockages) {
      block();
      const io = captureIo(), metrics = new Metrics("m", io);
      for (const ppl of [1, 2]) {
        metrics.write({ event: "test", evaluation: "full", ppl, tokens: 1 });
      }
      assertEquals(io.errLines.length, 1);
      const warning =
        /^warning: cannot write saved_model\/m.metrics.jsonl: .*; this record is not complete$/;
      assertMatch(io.errLines[0]!, warning);
      Deno.removeSync("saved_model", { recursive: true });
    }
  });
});

Deno.test("Metrics and the board leave out an event that a full disk has no room for, and go on after it", () =>
  inFolder(() => {
    const io = captureIo();
    const board = new TensorBoard(parseSettings({ "train": true, "tb-name": "x" }), io);
    const metrics = new Metrics("m", io, board);
    const event = { event: "test", evaluation: "full", ppl: 2, tokens: 1 } as const;
    metrics.write(event);
    onFullDisk(() => board.write({ ...event, ppl: 3 }));
    onFullDisk(() => metrics.write({ ...event, ppl: 3 }));
    metrics.write({ ...event, ppl: 4 });
    const lines = [event, { ...event, ppl: 4 }].map((event) => JSON.stringify(event) + "\n");
    assertEquals(Deno.readTextFileSync(metrics.path), lines.join(""));
    const read = readEvents(Deno.readFileSync(board.path)).flatMap(({ values }) => values);
    assertEquals(read.flatMap(({ figure }) => figure ?? []), [2, 4]);
    assertEquals(io.errLines.length, 2);
  }));

Deno.test("Metrics.rewind() takes back what came after a position, and warns if that is gone", () =>
  inFolder(() => {
    const io = captureIo(), metrics = new Metrics("m", io);
    const write = (ppl: number) =>
      metrics.write({ event: "test", evaluation: "full", ppl, tokens: 1 });
    assertEquals(metrics.position(), 0);
    write(1);
    const one = Deno.readTextFileSync(metrics.path), position = metrics.position()!;
    assertEquals(position, one.length);
    write(2);
    metrics.rewind(position);
    assertEquals([Deno.readTextFileSync(metrics.path), io.errLines], [one, []]);
    metrics.rewind(position);
    assertEquals([Deno.readTextFileSync(metrics.path), io.errLines], [one, []]);
    metrics.rewind(position + 1);
    assertEquals(io.errLines, [
      `warning: ${metrics.path} lacks lines that were in it; this record is not complete`,
    ]);
    assertEquals(Deno.readTextFileSync(metrics.path), one);
  }));
