// Exact cross entropy against float64, in one tile of classes and in several.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { Gpu } from "../../../mod.ts";
import { crossEntropy, linearScorer, sum, tiledCrossEntropy } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { peakMemory, withBothFamilies, withGpu } from "../../support/gpu.ts";
import { mixParts, SOFTMAX_PARTS } from "../../support/softmax_parts.ts";
import { randomIds, values } from "../../reference/data.ts";
import * as reference from "../../reference/losses.ts";

interface Problem {
  rows: number;
  width: number;
  classes: number;
  /** Inputs are within this. */
  scale?: number;
}

async function check(gpu: Gpu, { rows, width, classes, scale = 1 }: Problem): Promise<void> {
  const targets = randomIds(rows, classes, rows);
  const shapes = [[rows, width], [classes, width], [classes]];
  await checkOp(gpu, `crossEntropy N=${rows}, E=${width}, V=${classes}`, {
    shapes,
    data: shapes.map((shape, i) => values(shape.reduce((n, s) => n * s, 1), i + 1, scale)),
    oracle: reference.crossEntropy(targets, width),
    run: (step, x, weight, bias) => crossEntropy(step, x!, weight!, bias!, step.upload(targets)),
    tolerance: { atol: 4e-6 * scale ** 2, rtol: 1e-5 },
    // Gradients of weight and bias are sums over rows.
    gradientTolerance: { atol: 4e-6 * scale ** 3 * Math.sqrt(rows / 64 + 1), rtol: 1e-4 },
  });
}

Deno.test("crossEntropy() agrees with float64 in one tile, at any size", () =>
  withBothFamilies(async (gpu) => {
    for (const [rows, width, classes] of [[1, 1, 1], [63, 3, 65], [65, 12, 257]] as const) {
      await check(gpu, { rows, width, classes });
    }
  }));

// In 16,640 bytes fit tiles of 64 classes: they are computed again, and the weight's gradient is tiled.
Deno.test("gradients of the loss and of ln Z agree with float64, in one tile and in several", () =>
  withBothFamilies(async (gpu) => {
    const [rows, width, classes] = [65, 12, 401], targets = randomIds(rows, classes, rows);
    for (const parts of SOFTMAX_PARTS) {
      for (const held of [undefined, 16_640]) {
        await checkOp(gpu, `${JSON.stringify(parts)}, held ${held}`, {
          shapes: [[rows, width], [classes, width], [classes]],
          oracle: reference.crossEntropy(targets, width, parts),
          run: (step, x, weight, bias) => {
            const scorer = linearScorer(step, x!, weight!, bias!, held);
            return mixParts(step, tiledCrossEntropy(step, scorer, step.upload(targets)), parts);
          },
          tolerance: { atol: 4e-6, rtol: 1e-5 },
          gradientTolerance: { atol: 6e-6, rtol: 1e-4 },
        });
      }
    }
  }));

// In 16,640 bytes fit 64 classes; on software adapters the last 41 are a tile of their own in any case.
Deno.test("classes whose scores are -Infinity add nothing, be they the whole of a tile", () =>
  withBothFamilies(async (gpu) => {
    const [rows, width, classes] = [5, 3, 1001], targets = Uint32Array.of(200, 300, 300, 450, 200);
    const shapes = [[rows, width], [classes, width], [classes]];
    for (const [from, to] of [[960, 1001], [0, 200], [500, 1001], [320, 400]] as const) {
      const data = shapes.map((shape, i) => values(shape.reduce((n, s) => n * s, 1), i + 1));
      data[2]!.fill(-Infinity, from, to);
      for (const held of [undefined, 16_640]) {
        await checkOp(gpu, `-Infinity from ${from} to ${to}, held ${held}`, {
          shapes,
          data,
          oracle: reference.crossEntropy(targets, width),
          run: (step, x, weight, bias) =>
            crossEntropy(step, x!, weight!, bias!, step.upload(targets), held),
          tolerance: { atol: 4e-6, rtol: 1e-5 },
          gradientTolerance: { atol: 6e-6, rtol: 1e-4 },
        });
      }
    }
  }));

Deno.test("ln Z of no class but such of score -Infinity is -Infinity", () =>
  withBothFamilies(async (gpu) => {
    using step = gpu.step();
    const scorer = linearScorer(
      step,
      step.upload(values(2, 1), [2, 1]),
      step.upload(values(70, 2), [70, 1]),
      step.upload(new Float32Array(70).fill(-Infinity)),
    );
    const { logZ } = tiledCrossEntropy(step, scorer, step.upload(Uint32Array.of(0, 69)));
    assertEquals(await gpu.readFloats(logZ), Float32Array.of(-Infinity, -Infinity));
  }));

Deno.test("crossEntropy() agrees with float64 when scores are large", () =>
  withGpu((gpu) => check(gpu, { rows: 9, width: 4, classes: 65, scale: 8 })));

Deno.test("crossEntropy() neither overflows nor underflows, whichever class's score is by far the largest", () =>
  withBothFamilies(async (gpu) => {
    const classes = 8, x = gpu.tensor([1, 1]), weight = gpu.tensor([classes, 1]);
    for (const [low, high] of [[0, 200], [-200, -200]] as const) {
      for (let best = 0; best < classes; best++) {
        using step = gpu.step();
        const scores = new Float32Array(classes).fill(low);
        scores[best] = high;
        const target = step.upload(Uint32Array.of(best));
        const [loss] = await gpu.read(crossEntropy(step, x, weight, step.upload(scores), target));
        assertAlmostEquals(loss!, low < high ? 0 : Math.log(classes), 1e-4);
      }
    }
    x.dispose(), weight.dispose();
  }));

Deno.test("crossEntropy() finds the largest score, at whichever of many classes it is", () =>
  withBothFamilies(async (gpu) => {
    const V = 261; // four rounds of a GPU's loop that finds it, and more
    const diagonal = (value: number) =>
      Float32Array.from({ length: V * V }, (_, i) => i % (V + 1) === 0 ? value : 0);
    using step = gpu.step();
    const [x, weight] = [200, 1].map((value) => step.upload(diagonal(value), [V, V]));
    const targets = step.upload(Uint32Array.from({ length: V }, (_, n) => n));
    const loss = crossEntropy(step, x!, weight!, step.upload(new Float32Array(V)), targets);
    assertEquals(await gpu.readFloats(loss), new Float32Array(V));
  }));

// Of 64 MiB, a row of 32,769 has room for 448 classes.
Deno.test("crossEntropy() agrees with float64 in several tiles, the last of one class", () =>
  withGpu((gpu) => check(gpu, { rows: 32_769, width: 2, classes: 449 })));

// llvmpipe ends a thread's loops after 65,535 rounds, without a word.
Deno.test("crossEntropy() agrees with float64 over more classes than a software adapter's loops count", () =>
  withGpu((gpu) => check(gpu, { rows: 2, width: 1, classes: 300_007 })));

/**
 * A step of 80 MiB of scores, of which it may hold so many bytes: its peak, how many products it took, and the
 * constants of its gradients' kernels.
 */
async function largeStep(gpu: Gpu, heldBytes?: number) {
  const [rows, width, classes] = [700, 2, 30_011], dispatch = gpu.dispatch.bind(gpu);
  using weight = gpu.tensor([classes, width], values(classes * width, 1));
  using bias = gpu.tensor([classes], values(classes, 2));
  weight.requiresGrad = true;
  let products = 0;
  const gradients = new Set<string>();
  gpu.dispatch = (launch) => {
    if (launch.entry === "gradient") gradients.add(JSON.stringify(launch.constants));
    if (launch.label === "matmul" && launch.entry !== "combine") products++;
    dispatch(launch);
  };
  const peak = await peakMemory(gpu, () => {
    using step = gpu.step({ training: true });
    const x = step.upload(values(rows * width, 3), [rows, width]);
    const target = step.upload(randomIds(rows, classes, 4));
    step.backward(sum(step, crossEntropy(step, x, weight, bias, target, heldBytes)));
  });
  return { ...peak, mebibytes: peak.bytes / 2 ** 20, products, gradients };
}

Deno.test("crossEntropy() never holds more than 64 MiB of scores if it may hold no more", () =>
  withBothFamilies(async (gpu) => {
    const { mebibytes, largest, gradients } = await largeStep(gpu, 2 ** 26);
    // The rest is the gradient of the weight and small change.
    assert(mebibytes < 64 + 2, `${mebibytes} MiB in use`);
    // On a software adapter a tile has a quarter, half of which is a copy of the other half.
    assert(largest > 5 * 2 ** 20, "the scores of a tile were not seen");
    assertEquals(gradients.size, 1, "a kernel for all tiles");
  }));

Deno.test("crossEntropy() keeps 80 MiB of scores, and computes none of them again", () =>
  withBothFamilies(async (gpu) => {
    const { mebibytes, products } = await largeStep(gpu);
    // On GPUs in one tile, whose size class is 96; else in 11, one at a time with its copy.
    assert(mebibytes > 80 && mebibytes < 96 + 2, `${mebibytes} MiB in use`);
    if (gpu.family === "hardware") assertEquals(products, 3); // of one tile, though 30,011 is odd
  }));

Deno.test("crossEntropy() throws when a shape, an id or the number of rows does not fit", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const x = step.upload(values(6, 1), [2, 3]), weight = step.upload(values(12, 2), [4, 3]);
    const bias = step.upload(values(4, 3)), target = step.upload(Uint32Array.of(0, 3));
    const wide = step.upload(values(8, 2), [4, 2]), three = step.upload(Uint32Array.of(0, 1, 2));
    const large = step.upload(Uint32Array.of(0, 4));
    assertThrows(() => crossEntropy(step, x, wide, bias, target), TypeError, "weight");
    assertThrows(() => crossEntropy(step, x, weight, x, target), TypeError, "bias");
    const flat = "x is f32 [4], expected f32 of 2 dimensions, as [4,any]";
    assertThrows(() => crossEntropy(step, bias, weight, bias, target), TypeError, flat);
    assertThrows(() => crossEntropy(step, x, weight, bias, three), TypeError, "target");
    assertThrows(() => crossEntropy(step, x, weight, bias, large), RangeError, "up to 4,");
    const tall = step.tensor([262_145, 3]), ids = step.tensor([262_145], "u32");
    const message = "262145 rows: at most 262144", held = 2 ** 26;
    assertThrows(() => crossEntropy(step, tall, weight, bias, ids, held), RangeError, message);
  }));
