// Scores of all classes by one more GRU step against float64, in tiles.

import { sizeOf } from "../../../kernels/device/dtype.ts";
import { gruContexts } from "../../../kernels/gru_pair/gru_pair.ts";
import { gruTileScorer } from "../../../kernels/gru_pair/gru_tiles.ts";
import type { Step, Tensor } from "../../../mod.ts";
import { tiledCrossEntropy } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";
import { masksOf, STREAM } from "../../support/gru_pairs.ts";
import { mixParts, SOFTMAX_PARTS } from "../../support/softmax_parts.ts";
import { exact, randomIds, values } from "../../reference/data.ts";
import * as reference from "../../reference/gru.ts";
import { linear } from "../../reference/linear.ts";
import type { SoftmaxParts } from "../../reference/losses.ts";
import { assertGradients } from "../../reference/oracle.ts";

Deno.test("the oracle of all classes has gradients that agree with central differences", () => {
  const shapes = [[5, 3], [12, 3], [12], [2, 12], [2, 4], [4], [1]];
  for (const parts of SOFTMAX_PARTS) {
    const sizes = { classes: 5, width: 3, size: 4 };
    assertGradients(reference.gruCrossEntropy([4, 1], sizes, parts), exact(shapes), "exact");
  }
});

interface TileProblem {
  rows: number;
  classes: number;
  width: number;
  size: number;
}

function tileShapes({ rows, classes, width, size }: TileProblem): number[][] {
  const classShapes = [[classes, width], [3 * size, width], [3 * size]];
  return [...classShapes, [rows, 3 * size], [rows, size], [1, size], [1]];
}

function tileScorer(step: Step, inputs: Tensor[], p = 0) {
  const [table, weightIh, biasIh, gates, hidden, weight, bias] = inputs as [
    ...[Tensor, Tensor, Tensor],
    ...[Tensor, Tensor, Tensor, Tensor],
  ];
  const contexts = gruContexts(step, gates, hidden);
  const head = { weight, bias, dropout: { p, stream: STREAM } };
  return gruTileScorer(step, { table, weightIh, biasIh }, contexts, head);
}

Deno.test("gruTileScorer() makes exact cross entropy, in one tile and in several", () =>
  withGpu(async (gpu) => {
    const large = { rows: 2, classes: 193, width: 1, size: 21_846 };
    // 64 MiB of the gates of 65,538 floats are those of 255 classes, in whole blocks of 64: 192.
    const cases = [
      ...SOFTMAX_PARTS.map((parts) => [{ rows: 9, classes: 130, width: 3, size: 8 }, parts]),
      [large, SOFTMAX_PARTS[1]!],
    ] as [TileProblem, SoftmaxParts][];
    for (const [problem, parts] of cases) {
      const { rows, classes, size } = problem, targets = randomIds(rows, classes, 5);
      const shapes = tileShapes(problem), scale = 1 / Math.sqrt(size);
      await checkOp(gpu, `N=${rows}, V=${classes}, ${JSON.stringify(parts)}`, {
        shapes,
        data: shapes.map((shape, i) => values(sizeOf(shape), i + 1, i === 5 ? 4 * scale : 1)),
        oracle: reference.gruCrossEntropy(targets, problem, parts),
        run: (step, ...inputs) => {
          const scorer = tileScorer(step, inputs);
          return mixParts(step, tiledCrossEntropy(step, scorer, step.upload(targets)), parts);
        },
        tolerance: { atol: 4e-6, rtol: 1e-5 },
        gradientTolerance: { atol: 1e-5, rtol: 1e-4 },
      });
    }
  }));

Deno.test("gruTileScorer() gives the scores and gradients of gruPairScore(), tile by tile", () =>
  withBothFamilies(async (gpu) => {
    const problem = { rows: 19, classes: 131, width: 5, size: 9 },
      { rows, classes, size } = problem;
    using step = gpu.step({ training: true, number: 0 });
    const inputs = tileShapes(problem).map((shape, i) => {
      return step.upload(values(sizeOf(shape), i + 1), shape);
    });
    const dScores = values(rows * classes, 30), p = 0.3;
    // Whole: words by the oracle, masks by those of shared words.
    const masks = await masksOf(gpu, { rows, count: classes, size, own: false, p });
    const data = await Promise.all(inputs.map((input) => gpu.readFloats(input)));
    const [table, weightIh, biasIh, ...context] = data.map((array) => Float64Array.from(array));
    const words = linear(classes, 5, 3 * size)(table!, weightIh!, biasIh!);
    const pairs = reference.gruPairScore({ rows, count: classes, size }, masks);
    const whole = pairs(words.output, ...context);
    const [dWords, ...dContext] = whole.backward(Float64Array.from(dScores));

    const scorer = tileScorer(step, inputs, p), gradient = scorer.backward(() => {});
    for (let first = 0; first < classes; first += 64) {
      const count = Math.min(64, classes - first);
      const tile = (array: ArrayLike<number>) =>
        Float32Array.from({ length: rows * count }, (_, i) => {
          return array[Math.floor(i / count) * classes + first + i % count]!;
        });
      using scores = scorer.scores(first, count);
      const tolerance = { atol: 1e-5, rtol: 1e-5 };
      assertClose(await gpu.readFloats(scores), tile(whole.output), tolerance, `tile ${first}`);
      gradient.add(first, count, step.upload(tile(dScores), [rows, count]));
    }
    const found = gradient.finish(), expected = [...words.backward(dWords!), ...dContext];
    for (const [i, tensor] of found.entries()) {
      // A softmax has no gradient for what all scores have in common.
      const reference = i === 6 ? [0] : expected[i]!;
      const tolerance = { atol: 2e-4, rtol: 1e-4 };
      assertClose(await gpu.readFloats(tensor as Tensor), reference, tolerance, `gradient ${i}`);
    }
  }));
