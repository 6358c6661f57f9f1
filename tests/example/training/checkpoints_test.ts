// When checkpoints are due, and what a run takes from one.

import { assertEquals } from "@std/assert";
import { ALONE, FIXED_TUNING } from "../../../kernels/mod.ts";
import type { RunState } from "../../../example/storage/checkpoint.ts";
import { Checkpoints } from "../../../example/training/checkpoints.ts";
import type { Run } from "../../../example/training/run.ts";
import type { Trainer } from "../../../example/training/trainer.ts";
import { captureIo } from "../../support/capture_io.ts";

Deno.test("Checkpoints.writeIfDue() asks for one once --checkpoint-minutes have passed since the last", async () => {
  const { now } = performance, asked: boolean[] = [];
  const settings = { save: "m", checkpointMinutes: 2 };
  const checkpointDue = (due: boolean) => (asked.push(due), due);
  const ranks = { checkpointDue, communicator: ALONE, isFirst: false };
  const run = { settings, ranks };
  const state = { tensors: [], [Symbol.dispose]: () => {} };
  const trainer = { position: () => {}, state: () => state };
  let ms = 5000;
  performance.now = () => ms;
  try {
    const checkpoints = new Checkpoints(run as unknown as Run, trainer as unknown as Trainer);
    for (const more of [0, 119_999, 1, 119_999, 1]) {
      ms += more;
      await checkpoints.writeIfDue();
    }
  } finally {
    performance.now = now;
  }
  assertEquals(asked, [false, false, true, false, true]);
});

Deno.test("Checkpoints.resume() writes a lost model again only if the parameters are the best ones", async () => {
  const tuned = { ...FIXED_TUNING, minDepth: 1 };
  const cases = [
    { epoch: 3, batch: 0, best: 2, tuning: tuned, place: "epoch 3, after 0 batches" },
    { epoch: 3, batch: 0, best: 1, place: "epoch 3, after 0 batches" },
    { epoch: 3, batch: 5, best: 2, recorded: 70, place: "epoch 3, after 5 batches" },
    { epoch: 1, batch: 5, place: "epoch 1, after 5 batches" },
    { epoch: 4, batch: 0, best: 3, place: "nothing is left to train, as 3 of 3 epochs are done" },
  ];
  for (const { epoch, batch, best, recorded, tuning, place } of cases) {
    const io = captureIo(), current: boolean[] = [], rewound: number[] = [], gpu = { tuning: {} };
    const run = {
      ...{
        gpu,
        io,
        model: { parameters: () => [] },
        ranks: { communicator: ALONE },
        settings: { save: "m", epochs: 3 },
      },
      best: { resume: (_best: unknown, isCurrent: boolean) => void current.push(isCurrent) },
      metrics: { rewind: (bytes: number) => void rewound.push(bytes) },
    };
    const trainer = { restore: () => {} };
    const state = { position: { epoch, batch }, tuning, best: best && { epoch: best }, recorded };
    await new Checkpoints(run as unknown as Run, trainer as unknown as Trainer)
      .resume(state as unknown as RunState, undefined);
    assertEquals(current, [batch === 0 && best === epoch - 1]);
    assertEquals([rewound, gpu.tuning], [recorded ? [recorded] : [], tuning ?? FIXED_TUNING]);
    assertEquals(io.outLines, [`resumes     saved_model/m.checkpoint.safetensors: ${place}`]);
  }
});
