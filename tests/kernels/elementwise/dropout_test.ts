// Dropout: the statistics of its mask, and the same mask backward.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { AliasMultinomial } from "../../../mod.ts";
import { Dropout } from "../../../nce/nn/mod.ts";
import { dropout, sum } from "../../../kernels/ops.ts";
import { RandomStream } from "../../../kernels/random/mod.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

const STREAM = new RandomStream("dropout");

Deno.test("dropout() keeps the right share, of each residue alike, and the right scale", () =>
  withGpu(async (gpu) => {
    const n = 100_003;
    for (const p of [0.1, 0.5, 0.9]) {
      using step = gpu.step({ training: true, seed: 3, number: 0 });
      const ones = step.upload(new Float32Array(n).fill(1));
      const out = await gpu.readFloats(dropout(step, ones, p, STREAM));
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
      using step = gpu.step({ training: true, number: 0 });
      const mask = await gpu.readFloats(
        dropout(step, step.upload(new Float32Array(n).fill(1)), 0.4, STREAM),
      );
      await checkOp(gpu, `dropout ${n}`, {
        shapes: [[n]],
        oracle: (x) => ({
          output: x.map((v, i) => v * mask[i]!),
          backward: (d) => [d.map((v, i) => v * mask[i]!)],
        }),
        run: (step, x) => dropout(step, x, 0.4, STREAM),
      });
    }
  }));

Deno.test("dropout() gives its input back when p is 0 or the step has no dropout", () =>
  withGpu((gpu) => {
    using training = gpu.step({ training: true, number: 0 });
    const x = training.upload(values(5, 1));
    assertStrictEquals(dropout(training, x, 0, STREAM), x);
    for (const options of [{}, { training: true, dropout: false }]) {
      using step = gpu.step(options);
      assertStrictEquals(dropout(step, x, 0.5, STREAM), x);
    }
  }));

Deno.test("Dropout layers draw masks of their own, anew in each step", () =>
  withGpu(async (gpu) => {
    const first = new Dropout(0.5, "first"), second = new Dropout(0.5, "second");
    const maskOf = async (layer: Dropout, number: number) => {
      using step = gpu.step({ training: true, seed: 1, number });
      const ones = step.upload(new Float32Array(100).fill(1));
      return (await gpu.readFloats(layer.forward(step, ones))).join();
    };
    const masks = [await maskOf(first, 0), await maskOf(second, 0), await maskOf(first, 1)];
    assertEquals(new Set(masks).size, 3);
    assertEquals(await maskOf(first, 0), masks[0]);
  }));

Deno.test("Dropout throws a RangeError when p is no probability below 1", () => {
  for (const p of [-0.1, 1, 1.5, NaN]) {
    assertThrows(() => new Dropout(p, "dropout"), RangeError, `p is ${p}`);
  }
});

Deno.test("two that draw under one name, or under names of one hash, are refused in one step", () =>
  withGpu((gpu) => {
    const draws = (first: string, second: string) => () => {
      using step = gpu.step({ training: true, number: 0 });
      const x = step.upload(values(5, 1));
      for (const name of [first, second]) new Dropout(0.5, name).forward(step, x);
    };
    draws("first", "second")();
    assertThrows(draws("a.b", "a.b"), RangeError, 'two are called "a.b"; give each a name');
    const message = '"costarring" and "liquid" give the same random numbers; rename one';
    assertThrows(draws("costarring", "liquid"), RangeError, message);
    using noise = new AliasMultinomial(gpu, [1, 2], "both");
    using step = gpu.step({ training: true, number: 0 });
    noise.draw(step, [4]);
    const dropout = new Dropout(0.5, "both"), x = step.upload(values(5, 1));
    assertThrows(() => dropout.forward(step, x), RangeError, 'two are called "both"');
    // The same layer may draw twice, and another step of another model under the same name.
    noise.draw(step, [4]);
    using other = gpu.step({ training: true, number: 0 });
    dropout.forward(other, other.upload(values(5, 1)));
  }));

Deno.test("dropout() of a loss keeps its expectation", () =>
  withGpu(async (gpu) => {
    using step = gpu.step({ training: true, seed: 5, number: 0 });
    const ones = step.upload(new Float32Array(100_000).fill(1));
    const [total] = await gpu.readFloats(sum(step, dropout(step, ones, 0.2, STREAM)));
    assert(Math.abs(total! / 100_000 - 1) < 0.01);
  }));
