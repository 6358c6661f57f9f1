// Table look-ups: rows by id and scores of chosen rows, with their row-sparse gradients.

import { assertEquals, assertThrows } from "@std/assert";
import { add, gather, indexScore, sum } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";
import * as reference from "../../reference/linear.ts";

Deno.test("gather() agrees with float64 when ids repeat, at any width", () =>
  withGpu(async (gpu) => {
    for (
      const [n, classes, width] of [[1, 1, 1], [63, 5, 65], [65, 257, 3], [257, 63, 4]] as const
    ) {
      const ids = randomIds(n, classes, n);
      await checkOp(gpu, `gather ${n} of [${classes}, ${width}]`, {
        shapes: [[classes, width]],
        oracle: reference.gather(ids, width),
        run: (step, table) => gather(step, table, step.upload(ids)),
      });
    }
  }));

Deno.test("gather() of a vector gives the shape of the ids", () =>
  withGpu(async (gpu) => {
    const ids = randomIds(6, 9, 1);
    await checkOp(gpu, "gather of a vector", {
      shapes: [[9]],
      oracle: reference.gather(ids, 1),
      run: (step, table) => {
        const out = gather(step, table, step.upload(ids, [2, 3]));
        assertEquals(out.shape, [2, 3]);
        return out;
      },
    });
  }));

Deno.test("gather() of an intermediate tensor passes its gradient on", () =>
  withGpu(async (gpu) => {
    const first = [3, 1, 1, 0], second = Uint32Array.of(2, 0, 2);
    const composed = Array.from(second, (i) => first[i]!);
    await checkOp(gpu, "gather of a gather", {
      shapes: [[5, 3]],
      oracle: reference.gather(composed, 3),
      run: (step, table) => {
        const middle = gather(step, table, step.upload(Uint32Array.from(first)));
        return gather(step, middle, step.upload(second));
      },
    });
  }));

Deno.test("gather() of a table of ids gives ids, which other tables are looked up by", () =>
  withBothFamilies(async (gpu) => {
    for (
      const [n, classes, width] of [[1, 1, 1], [63, 5, 65], [65, 257, 3], [257, 63, 4]] as const
    ) {
      const ids = randomIds(n, classes, n), groups = randomIds(classes * width, 9, width);
      using table = gpu.table([classes, width], groups);
      using step = gpu.step({ training: true });
      const out = gather(step, table, step.upload(ids));
      assertEquals(out.shape, [n, width]);
      const rows = Array.from(ids, (id) => [...groups.subarray(id * width, (id + 1) * width)]);
      assertEquals([...await gpu.read(out)], rows.flat());

      const vectors = step.upload(values(9 * 2, 1), [9, 2]);
      vectors.requiresGrad = true;
      const gradients = step.backward(sum(step, gather(step, vectors, out)));
      const counts = Array.from({ length: 9 }, (_, g) => rows.flat().filter((x) => x === g).length);
      const dense = await gpu.readFloats(gradients.toDense(vectors)!);
      assertEquals([...dense], counts.flatMap((count) => [count, count]));
    }
  }));

Deno.test("gather() of a table of ids knows what all of them are below, if the table does", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const groups = step.upload(Uint32Array.of(0, 6, 2)), ids = step.upload(Uint32Array.of(0, 2));
    const found = gather(step, groups, ids), rows = step.upload(values(6, 1));
    assertEquals(found.idLimit, 7);
    assertThrows(() => gather(step, rows, found), RangeError, "may be up to 6");
    assertThrows(() => gather(step, groups, groups), RangeError, "may be up to 6");
    assertEquals(gather(step, step.tensor([3], "u32"), ids).idLimit, Infinity);
    assertThrows(() => gather(step, groups, rows), TypeError, "ids [6] are floats");
    assertThrows(() => gather(gpu as never, groups, ids), TypeError, "step is a Gpu");
  }));

Deno.test("indexScore() agrees with float64 for targets and for noise of each row", () =>
  withBothFamilies(async (gpu) => {
    const odd = [[1, 1, 1, 1], [65, 5, 7, 9]] as const;
    const even = [[63, 1, 12, 40], [33, 17, 8, 257], [9, 2, 36, 40]] as const;
    for (const [rows, count, width, classes] of [...odd, ...even]) {
      const ids = randomIds(rows * count, classes, rows);
      await checkOp(gpu, `indexScore [${rows}, ${count}], E=${width}, V=${classes}`, {
        shapes: [[rows, width], [classes, width], [classes]],
        oracle: reference.indexScore(ids, count, width),
        run: (step, x, table, bias) =>
          indexScore(
            step,
            x!,
            table!,
            bias!,
            step.upload(ids, count === 1 ? [rows] : [rows, count]),
          ),
        tolerance: { atol: 3e-6, rtol: 1e-5 },
      });
    }
  }));

Deno.test("indexScore() adds its gradient of x to that of other operations, without a launch for it", () =>
  withBothFamilies(async (gpu) => {
    const [N, E, V] = [65, 7, 9], [first, second] = [randomIds(N, V, 1), randomIds(N, V, 2)];
    const oracles = [first, second].map((ids) => reference.indexScore(ids, 1, E));
    await checkOp(gpu, "two scores of x", {
      shapes: [[N, E], [V, E], [V]],
      oracle: (...inputs) => {
        const scores = oracles.map((oracle) => oracle(...inputs));
        return {
          output: scores[0]!.output.map((score, n) => score + scores[1]!.output[n]!),
          backward: (dOutput) => {
            const [one, other] = scores.map(({ backward }) => backward(dOutput));
            return one!.map((d, i) => d.map((x, at) => x + other![i]![at]!));
          },
        };
      },
      run: (step, x, table, bias) => {
        const [one, other] = [first, second].map((ids) => {
          return indexScore(step, x!, table!, bias!, step.upload(ids));
        });
        return add(step, one!, other!);
      },
      tolerance: { atol: 3e-6, rtol: 1e-5 },
    });
    using step = gpu.step({ training: true });
    const x = step.upload(values(N * E, 1), [N, E]), table = step.upload(values(V * E, 2), [V, E]);
    x.requiresGrad = true;
    const scores = [first, second].map((ids) => {
      return indexScore(step, x, table, step.upload(values(V, 3)), step.upload(ids));
    });
    const loss = sum(step, add(step, scores[0]!, scores[1]!));
    const { rows } = await gpu.profile(() => void step.backward(loss));
    const runs = rows.map(({ label, runs }) => `${label} ${runs}`).sort();
    assertEquals(runs, ["fill 1", "indexScore.dinput 2"]);
  }));

Deno.test("gather() and indexScore() throw a RangeError when an id is not a row", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const table = step.upload(values(8, 1), [4, 2]), bias = step.upload(values(4, 2));
    const x = step.upload(values(2, 3), [1, 2]);
    const ids = step.upload(Uint32Array.of(4));
    const message = "may be up to 4, which is out of range (0 to 3)";
    assertThrows(() => gather(step, table, ids), RangeError, message);
    assertThrows(() => indexScore(step, x, table, bias, ids), RangeError, message);
    assertThrows(() => gather(step, table, step.reshape(ids, [1, 1])), RangeError, message);
  }));

Deno.test("gather() and indexScore() throw a TypeError when types or shapes are wrong", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const table = step.upload(values(8, 1), [4, 2]), bias = step.upload(values(4, 2));
    const x = step.upload(values(6, 3), [3, 2]), ids = step.upload(Uint32Array.of(0, 1));
    assertThrows(() => gather(step, table, bias), TypeError, "ids [4] are floats");
    assertThrows(() => indexScore(step, x, table, bias, ids), TypeError, "ids is u32 [2]");
    const three = step.upload(Uint32Array.of(0, 1, 2));
    assertThrows(() => indexScore(step, x, table, x, three), TypeError, "bias");
    const wide = step.upload(values(9, 4), [3, 3]);
    assertThrows(() => indexScore(step, wide, table, bias, three), TypeError, "table");
    const deep = step.reshape(wide, [3, 1, 3]);
    const message = "x is f32 [3,1,3], expected f32 of 2 dimensions, as [3,1]";
    assertThrows(() => indexScore(step, deep, table, bias, three), TypeError, message);
  }));

Deno.test("gather() records no gradient in a step that does not train", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const table = step.upload(values(8, 1), [4, 2]);
    table.requiresGrad = true;
    const out = gather(step, table, step.upload(Uint32Array.of(1)));
    assertEquals(out.requiresGrad, false);
    assertThrows(() => step.backward(sum(step, out)), TypeError, "is no training step");
  }));
