/** Progress: the live bar, and the plain lines. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import stringWidth from "string-width";
import { Bar, Progress } from "../../../example/shared/progress.ts";
import { captureIo } from "../../support/capture_io.ts";

const EPOCH = {
  epoch: 2,
  epochs: 40,
  batches: 10,
  batchesBefore: 0,
  lr: () => 0.25,
  normalised: false,
  validationMs: 0,
};

/** A clock that is moved by hand. */
function handClock(): { now: number; read: () => number } {
  const clock = { now: 5000, read: () => clock.now };
  return clock;
}

Deno.test("Progress.show() writes a plain line when there is no terminal", () => {
  const io = captureIo();
  const clock = handClock();
  const progress = new Progress(io, { ...EPOCH, clock: clock.read });
  for (let batch = 1; batch <= 4; batch++) {
    clock.now += 500;
    progress.step(1000);
  }
  assertEquals(progress.show(5.25), {
    epoch: 2,
    batch: 4,
    batches: 10,
    loss: 5.25,
    lr: 0.25,
    tokensPerSecond: 2000,
  });
  clock.now += 4000;
  progress.step(1000);
  assertEquals(progress.show(4.5).tokensPerSecond, 250);
  assertEquals(progress.tokensPerSecond, 5000 / 6);
  progress.done();
  assertEquals(io.outLines, [
    "epoch 2/40 | batch 4/10 | loss 5.2500 | lr 0.25 | 2,000 tokens/s | 3s left, run 3m13s",
    "epoch 2/40 | batch 5/10 | loss 4.5000 | lr 0.25 | 250 tokens/s | 6s left, run 7m42s",
  ]);
  assertEquals(io.liveLines.filter((line) => line !== ""), []);
});

Deno.test("Progress takes its speed from its own batches when others were done before", () => {
  const io = captureIo(), clock = handClock();
  const progress = new Progress(io, { ...EPOCH, epochs: 2, batchesBefore: 6, clock: clock.read });
  assertEquals(progress.show(5.25).tokensPerSecond, 0);
  clock.now += 500;
  progress.step(1000);
  assertEquals(progress.show(5.25).batch, 7);
  clock.now += 1500;
  progress.step(1000);
  assertEquals(progress.tokensPerSecond, 1000);
  progress.show(5.25);
  assertEquals(io.outLines, [
    "epoch 2/2 | batch 6/10 | loss 5.2500 | lr 0.25",
    "epoch 2/2 | batch 7/10 | loss 5.2500 | lr 0.25 | 2,000 tokens/s | 2s left",
    "epoch 2/2 | batch 8/10 | loss 5.2500 | lr 0.25 | 667 tokens/s | 2s left",
  ]);
});

Deno.test("Progress shows a perplexity only when the loss is normalised", () => {
  const io = captureIo();
  const progress = new Progress(io, { ...EPOCH, normalised: true, clock: () => 0 });
  progress.show(Math.log(120.5));
  assertEquals(io.outLines, ["epoch 2/40 | batch 0/10 | ppl 120.50 | lr 0.25"]);
});

Deno.test("Progress shows a loss that is not a number when training has diverged", () => {
  const io = captureIo();
  new Progress(io, { ...EPOCH, clock: () => 0 }).show(NaN);
  assertEquals(io.outLines, ["epoch 2/40 | batch 0/10 | loss NaN | lr 0.25"]);
});

Deno.test("Progress redraws one bar within the width when there is a terminal", () => {
  const io = captureIo(80);
  const clock = handClock();
  const progress = new Progress(io, { ...EPOCH, clock: clock.read });
  clock.now += 50;
  progress.step(10);
  clock.now += 50;
  progress.step(10);
  clock.now += 900;
  progress.step(80);
  progress.show(6);
  progress.done();
  assertEquals(io.outLines, []);
  assertEquals(io.liveLines, [
    "epoch 2/40  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  batch 0/10",
    "epoch 2/40  ████░░░░░░░░░░░░░░░░░░░  batch 2/10  200 tokens/s  0s left, run 19s",
    "epoch 2/40  ██████░░░░░░░░░░░░░░░  batch 3/10  100 tokens/s  2s left, run 2m09s",
    "epoch 2/40  ██░░░░░░  batch 3/10  loss 6.0000  100 tokens/s  2s left, run 2m09s",
    "",
  ]);
  assertEquals(io.liveLines.map((line) => line.length), [54, 79, 79, 79, 0]);
});

Deno.test("Progress.show() gives a line to whoever wants details beside the bar", () => {
  const clock = handClock(), lines: string[] = [];
  const io = Object.assign(captureIo(80), { detail: (line: string) => void lines.push(line) });
  const progress = new Progress(io, { ...EPOCH, clock: clock.read });
  clock.now += 500;
  progress.step(1000);
  progress.show(5.25);
  assertEquals(lines, [
    "epoch 2/40 | batch 1/10 | loss 5.2500 | lr 0.25 | 2,000 tokens/s | 5s left, run 3m15s",
  ]);
  assertEquals(io.outLines, []);
});

Deno.test("Progress leaves the bar out when the terminal is narrow", () => {
  const shown = (columns: number) => {
    const io = captureIo(columns);
    new Progress(io, { ...EPOCH, clock: () => 0 }).show(6);
    return io.liveLines.at(-1);
  };
  assertEquals(shown(23), "epoch 2/40");
  for (const columns of [24, 30]) assertEquals(shown(columns), "epoch 2/40  loss 6.0000");
  assertEquals(shown(31), "epoch 2/40  ░░░░░  loss 6.0000");
});

Deno.test("bars fit any width, wide characters included, and keep the time left", () => {
  for (let columns = 1; columns <= 300; columns++) {
    const io = captureIo(columns), clock = handClock();
    const progress = new Progress(io, { ...EPOCH, batches: 123_456, clock: clock.read });
    using bar = new Bar(io, "scoring 天地玄黃宇宙洪荒", 100, clock.read);
    using count = new Bar(io, "scoring 天地", undefined, clock.read);
    clock.now += 5000;
    for (const each of [progress, bar, count]) each.step(10);
    for (const line of io.liveLines) assert(stringWidth(line) < Math.max(columns, 1), line);
    if (columns > 60) assertStringIncludes(io.liveLines.at(-3)!, "left, run");
    if (columns > 40) assertStringIncludes(io.liveLines.at(-2)!, "  45s left");
    if (columns > 20) assertStringIncludes(io.liveLines.at(-1)!, "scoring 天地  10");
  }
});

Deno.test("Progress counts the validations still to come as time left of the run", () => {
  const io = captureIo(), clock = handClock();
  const options = { ...EPOCH, epochs: 3, validationMs: 60_000, clock: clock.read };
  const progress = new Progress(io, options);
  clock.now += 1000;
  progress.step(100);
  progress.show(2); // 9 s of this epoch, 10 s of the next one, two validations
  assertEquals(io.outLines[0]!.split(" | ").at(-1), "9s left, run 2m19s");
  const last = new Progress(io, { ...options, epoch: 3 });
  clock.now += 1000;
  last.step(100);
  last.show(2);
  assertEquals(io.outLines[1]!.split(" | ").at(-1), "9s left");
});

Deno.test("Bar draws on a terminal, and writes a line each half minute elsewhere", () => {
  const terminal = captureIo(60), plain = captureIo(), clock = handClock();
  {
    using lines = new Bar(plain, "validating", 203, clock.read);
    for (const ms of [29_999, 1, 29_999]) {
      clock.now += ms;
      lines.step(31);
    }
  }
  {
    using bar = new Bar(terminal, "validating", 200, clock.read);
    for (let i = 0; i < 3; i++) {
      clock.now += 20_000;
      bar.step(50);
    }
    clock.now += 20_000;
    bar.step(60); // the file has grown
  }
  assertEquals(terminal.liveLines, [
    "validating  ███████░░░░░░░░░░░░░░░░░░░░░░  25 %  1m00s left",
    "validating  ███████████████░░░░░░░░░░░░░░░  50 %  40s left",
    "validating  ██████████████████████░░░░░░░░  75 %  20s left",
    "validating  ██████████████████████████████  100 %  0s left",
    "",
  ]);
  assertEquals(plain.outLines, ["validating | 30 % | 1m08s left"]);
  assertEquals(terminal.outLines, []);
});

Deno.test("Bar waits for a second, and only counts where the size is not known", () => {
  const io = captureIo(25), clock = handClock();
  {
    using bar = new Bar(io, "scoring sentences", undefined, clock.read);
    for (const ms of [999, 1, 99, 1]) {
      clock.now += ms;
      bar.step(500);
    }
  }
  assertEquals(io.liveLines, ["scoring sentences  1,000", "scoring sentences  2,000", ""]);
});
