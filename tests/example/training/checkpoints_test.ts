// When checkpoints are due.

import { assertEquals } from "@std/assert";
import { Checkpoints } from "../../../example/training/checkpoints.ts";
import type { Run } from "../../../example/training/run.ts";
import type { Trainer } from "../../../example/training/trainer.ts";

Deno.test("Checkpoints.writeIfDue() asks for one once --checkpoint-minutes have passed", async () => {
  const { now } = performance, asked: boolean[] = [];
  const settings = { save: "m", checkpointMinutes: 2 };
  const ranks = { checkpointDue: (due: boolean) => asked.push(due) < 0 };
  let ms = 5000;
  performance.now = () => ms;
  try {
    const checkpoints = new Checkpoints({ settings, ranks } as unknown as Run, {} as Trainer);
    for (const more of [0, 119_999, 1]) {
      ms += more;
      await checkpoints.writeIfDue();
    }
  } finally {
    performance.now = now;
  }
  assertEquals(asked, [false, false, true]);
});
