// Loops of a thread that llvmpipe would silently end: they are refused on software adapters.

import { assertThrows } from "@std/assert";
import { indexScore, nceLoss, rowDot, sampledLoss } from "../../../kernels/ops.ts";
import { expectRounds, MAX_ROUNDS } from "../../../kernels/device/rounds.ts";
import { withGpu } from "../../support/gpu.ts";

Deno.test("an operation refuses sizes whose loops a software adapter would not end, by name", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const W = 65_537, K = 30_001 * gpu.rowThreads;
    const row = step.tensor([1, W]), bias = step.tensor([1]), ids = step.upload(new Uint32Array(1));
    const scores = {
      target: step.tensor([1]),
      targetLogProb: step.tensor([1]),
      noise: step.tensor([1, K]),
      noiseLogProb: step.tensor([K]),
    };
    const many = step.upload(new Uint32Array(W), [1, W]), x = step.tensor([1, 1]);
    const refused: Record<string, () => unknown> = {
      [`rowDot: ${W} numbers of a row are too many`]: () => rowDot(step, row, row),
      [`indexScore: ${W} numbers of a row are`]: () => indexScore(step, row, row, bias, ids),
      [`indexScore: ${W} classes for a row are`]: () => indexScore(step, x, x, bias, many),
      [`nceLoss: ${K} samples are too many`]: () => nceLoss(step, scores, 1),
      [`sampledLoss: ${K} samples are too many`]: () => sampledLoss(step, scores),
    };
    for (const [message, run] of Object.entries(refused)) {
      assertThrows(run, RangeError, `Cannot run ${message}`);
    }
  }, { family: "software" }));

Deno.test("expectRounds() lets a software adapter loop up to the limit, and a GPU without one", async () => {
  await withGpu((gpu) => {
    expectRounds("x", gpu, "rows", 3, MAX_ROUNDS);
    const tooMany = () => expectRounds("x", gpu, "rows", 3, MAX_ROUNDS + 1);
    assertThrows(tooMany, RangeError, "Cannot run x: 3 rows are too many for the kernels for ");
  }, { family: "software" });
  await withGpu((gpu) => expectRounds("x", gpu, "rows", 3, Infinity), { family: "hardware" });
});
