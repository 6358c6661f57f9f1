// Dropout: the statistics of its mask, and the same mask backward.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Dropout, dropout, sum } from "../../../mod.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

Deno.test("dropout() keeps the right share, of each residue alike, and the right scale", () =>
  withGpu(async (gpu) => {
    const n = 100_003;
    for (const p of [0.1, 0.5, 0.9]) {
      using step = gpu.step({ training: true, seed: 3 });
      const ones = step.upload(new Float32Array(n).fill(1));
      const out = await gpu.readFloats(dropout(step, ones, p, 4));
      for (let residue = 0; residue < 4; residue++) {
        const quarter = out.filter((_, i) => i % 4 === residue);
        const share = quarter.filter((x) => x !== 0).length / quarter.length;
        const deviation = Math.sqrt(p * (1 - p) / quarter.length);
        assertClose([share], [1 - p], { atol: 4 * deviation, rtol: 0 }, `share for p = ${p}`);
      }
      const kept = out.filter((x) => x !== 0);
      assertClose(kept, kept.map(() => 1 / (1 - p)), { atol: 0, rtol: 1e-6 }, "scale");
    }
  }));

Deno.test("dropout() passes gradients through the mask of the forward pass", () =>
  withGpu(async (gpu) => {
    for (const n of [1, 63, 65, 257]) {
      using step = gpu.step({ training: true });
      const mask = await gpu.readFloats(
        dropout(step, step.upload(new Float32Array(n).fill(1)), 0.4, 9),
      );
      await checkOp(gpu, `dropout ${n}`, {
        shapes: [[n]],
        oracle: (x) => ({
          output: x.map((v, i) => v * mask[i]!),
          backward: (d) => [d.map((v, i) => v * mask[i]!)],
        }),
        run: (step, x) => dropout(step, x, 0.4, 9),
      });
    }
  }));

Deno.test("dropout() gives its input back when p is 0 or the step does not train", () =>
  withGpu((gpu) => {
    using training = gpu.step({ training: true });
    const x = training.upload(values(5, 1));
    assertStrictEquals(dropout(training, x, 0, 1), x);
    using evaluation = gpu.step();
    assertStrictEquals(dropout(evaluation, x, 0.5, 1), x);
  }));

Deno.test("Dropout layers draw masks of their own, anew in each step", () =>
  withGpu(async (gpu) => {
    const first = new Dropout(gpu, 0.5), second = new Dropout(gpu, 0.5);
    const maskOf = async (layer: Dropout, number: number) => {
      using step = gpu.step({ training: true, seed: 1, number });
      const ones = step.upload(new Float32Array(100).fill(1));
      return (await gpu.readFloats(layer.forward(step, ones))).join();
    };
    const masks = [await maskOf(first, 0), await maskOf(second, 0), await maskOf(first, 1)];
    assertEquals(new Set(masks).size, 3);
    assertEquals(await maskOf(first, 0), masks[0]);
  }));

Deno.test("Dropout throws a RangeError when p is no probability below 1", () =>
  withGpu((gpu) => {
    for (const p of [-0.1, 1, 1.5, NaN]) {
      assertThrows(() => new Dropout(gpu, p), RangeError, `p is ${p}`);
    }
  }));

Deno.test("dropout() of a loss keeps its expectation", () =>
  withGpu(async (gpu) => {
    using step = gpu.step({ training: true, seed: 5 });
    const ones = step.upload(new Float32Array(100_000).fill(1));
    const [total] = await gpu.readFloats(sum(step, dropout(step, ones, 0.2, 0)));
    assert(Math.abs(total! / 100_000 - 1) < 0.01);
  }));
