// Random numbers of a part of a batch are those of the same rows of the whole.

import { assertEquals, assertThrows } from "@std/assert";
import { gruContexts, gruPairScore } from "../../../kernels/gru_pair/gru_pair.ts";
import { fetchRows } from "../../../kernels/mod.ts";
import { dropout, sum } from "../../../kernels/ops.ts";
import { ownColumns } from "../../../kernels/random/part.ts";
import { RandomStream } from "../../../kernels/random/mod.ts";
import {
  AliasMultinomial,
  BatchNoise,
  type BatchPart,
  type Gpu,
  IndexGRU,
  IndexLinear,
} from "../../../mod.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { onRanks } from "../../support/ranks.ts";
import { randomIds, values } from "../../reference/data.ts";

const [STEPS, COLUMNS, RANKS] = [3, 7, 3];

function partsOf(columns = COLUMNS, ranks = RANKS): BatchPart[] {
  return Array.from({ length: ranks }, (_, rank) => ({ steps: STEPS, columns, rank, ranks }));
}

/** The rows of `part` in an array of rows of `width`. */
function rowsOf<T extends Float32Array | Uint32Array>(
  all: T,
  part: BatchPart,
  width: number,
): number[] {
  const { steps, columns, rank, ranks } = part, rows: number[] = [];
  for (let t = 0; t < steps; t++) {
    for (let column = rank; column < columns; column += ranks) {
      const at = (t * columns + column) * width;
      rows.push(...all.subarray(at, at + width));
    }
  }
  return rows;
}

async function mask(
  gpu: Gpu,
  rows: number,
  width: number,
  part?: BatchPart,
): Promise<Float32Array> {
  using step = gpu.step({ training: true, seed: 3, number: 5, ...(part && { part }) });
  const x = step.upload(new Float32Array(rows * width).fill(1), [rows, width]);
  return await gpu.readFloats(dropout(step, x, 0.5, new RandomStream("mask")));
}

Deno.test("dropout() of a part masks as that of the whole batch, whatever a row's width", () =>
  withGpu(async (gpu) => {
    for (const width of [1, 2, 3, 4, 5, 8, 13]) {
      const whole = await mask(gpu, STEPS * COLUMNS, width);
      for (const part of partsOf()) {
        const found = await mask(gpu, STEPS * ownColumns(part), width, part);
        assertEquals([...found], rowsOf(whole, part, width), `rank ${part.rank}, width ${width}`);
      }
    }
    const idle = partsOf(2, 4)[3]!; // computes one column, which does not count
    assertEquals((await mask(gpu, STEPS, 3, idle)).length, 3 * STEPS);
  }));

/**
 * Scores [rows, 9] of contexts [rows, 5] that differ in their dropout only, and the sums of h times dh, for a
 * part of words of each context's own: they alone mask in another place backward.
 */
async function pairs(
  gpu: Gpu,
  rows: number,
  own: boolean,
  part?: BatchPart,
): Promise<{ scores: Float32Array; sums: number[] }> {
  const [K, H] = [9, 5];
  using step = gpu.step({ training: true, seed: 3, number: 5, ...(part && { part }) });
  const filled = (value: number, ...shape: number[]) =>
    step.upload(new Float32Array(shape.reduce((n, size) => n * size)).fill(value), shape);
  const words = own ? filled(0, rows, K, 3 * H) : filled(0, K, 3 * H), hidden = filled(2, rows, H);
  const weight = step.upload(values(H, 1), [1, H]);
  hidden.requiresGrad = true;
  const scores = gruPairScore(step, words, gruContexts(step, filled(0, rows, 3 * H), hidden), {
    ...{ weight, bias: filled(0, 1), dropout: { p: 0.5, stream: new RandomStream("x") } },
  });
  const dHidden = part && own && step.backward(sum(step, scores)).toDense(hidden);
  const d = dHidden ? await gpu.readFloats(dHidden) : new Float32Array();
  const sums = Array.from({ length: d.length / H }, (_, n) => {
    return 2 * d.subarray(n * H, (n + 1) * H).reduce((a, b) => a + b);
  });
  return { scores: await gpu.readFloats(scores), sums };
}

Deno.test("gruPairScore() of a part masks as that of the whole batch, forward and backward", () =>
  withGpu(async (gpu) => {
    for (const own of [false, true]) {
      const whole = await pairs(gpu, STEPS * COLUMNS, own);
      for (const part of partsOf()) {
        const { scores, sums } = await pairs(gpu, STEPS * ownColumns(part), own, part);
        const what = `rank ${part.rank}, ${own ? "own" : "shared"} words`;
        assertClose(scores, rowsOf(whole.scores, part, 9), undefined, what);
        // With all gates 0, a score is linear in h: h times its gradient is the score again.
        const expected = sums.map((_, n) =>
          scores.subarray(9 * n, 9 * n + 9).reduce((a, b) => a + b)
        );
        assertClose(sums, expected, { atol: 1e-5 }, `${what}, gradient`);
      }
    }
  }));

Deno.test("noise of each word of a part is that of the whole batch; shared noise is the same for all", () =>
  withGpu(async (gpu) => {
    using noise = new AliasMultinomial(
      gpu,
      Float64Array.from({ length: 50 }, (_, i) => 1 / (i + 1)),
    );
    const draw = async (rows: number, noiseRatio: number, perWord: boolean, part?: BatchPart) => {
      using step = gpu.step({ seed: 3, number: 5, ...(part && { part }) });
      const target = step.upload(new Uint32Array(rows));
      const { ids } = noise.sample(step, { target, noiseRatio, perWord });
      return await gpu.read(ids);
    };
    for (const k of [1, 4, 5]) {
      const whole = await draw(STEPS * COLUMNS, k, true), shared = await draw(9, k, false);
      for (const part of partsOf()) {
        const rows = STEPS * ownColumns(part);
        assertEquals([...await draw(rows, k, true, part)], rowsOf(whole, part, k));
        assertEquals(await draw(rows, k, false, part), shared);
      }
    }
  }));

Deno.test("losses by batch noise, and their hits, are those of the whole batch in its parts", () =>
  withGpu(async (gpu) => {
    const rows = STEPS * COLUMNS,
      all = randomIds(rows, 6, 1),
      [V, E] = [6, 2],
      x = values(rows * E, 2);
    using layer = new IndexLinear(gpu, {
      ...{
        embeddingDim: E,
        numClasses: V,
        noise: new BatchNoise(gpu, new Float32Array(V).fill(1)),
      },
      reduction: "none",
    });
    const run = async (target: number[], input: number[], part?: BatchPart) => {
      using step = gpu.step({ training: true, ...(part && { part: { ...part, targets: all } }) });
      const ids = step.upload(Uint32Array.from(target));
      const loss = layer.forward(step, ids, step.upload(Float32Array.from(input), [ids.size, E]));
      return { loss: await gpu.readFloats(loss), ...await layer.takeHits() };
    };
    const whole = await run([...all], [...x]), sums = { hits: 0, samples: 0 };
    for (const part of partsOf()) {
      const { loss, hits, samples } = await run(rowsOf(all, part, 1), rowsOf(x, part, E), part);
      assertClose(loss, rowsOf(whole.loss, part, 1), undefined, `rank ${part.rank}`);
      sums.hits += hits, sums.samples += samples;
    }
    assertEquals(sums, { hits: whole.hits, samples: whole.samples });
  }));

Deno.test("IndexGRU's dropout of a part's noise, and of all words, is that of the whole batch", () =>
  withGpu(async (gpu) => {
    const rows = STEPS * COLUMNS, all = randomIds(rows, 30, 1), noiseRatio = 2; // of whole: more than words
    for (const lossType of ["nce", "full"] as const) {
      using model = new IndexGRU(gpu, {
        ...{ numClasses: 30, embeddingDim: 3, hiddenSize: 4, noise: new Float32Array(30).fill(1) },
        ...{ noiseRatio, perWord: true, dropout: 0.5, lossType, reduction: "none" },
      });
      const run = async (words: number[], part?: BatchPart) => {
        using step = gpu.step({ training: true, seed: 3, number: 5, ...(part && { part }) });
        const ids = step.upload(Uint32Array.from(words), [STEPS, words.length / STEPS]);
        return await gpu.readFloats(model.forward(step, ids, ids));
      };
      const whole = await run([...all]);
      for (const part of partsOf()) {
        const found = await run(rowsOf(all, part, 1), part), expected = rowsOf(whole, part, 1);
        assertClose(found, expected, undefined, `${lossType}, rank ${part.rank}`);
      }
    }
  }));

Deno.test("IndexGRU's dropout of a part's noise is that of the whole batch from a divided table, too", async () => {
  const all = randomIds(STEPS * COLUMNS, 30, 1);
  // Of the whole batch, there are more samples than words; per word, of a part there are fewer.
  for (const noise of [{ perWord: true, noiseRatio: 2 }, { perWord: false, noiseRatio: 30 }]) {
    const losses = (ranks: number) =>
      onRanks(ranks, async (gpu, communicator) => {
        const { rank } = communicator, part = partsOf(COLUMNS, ranks)[rank]!;
        const own = ranks > 1 && { shard: { rank, ranks } };
        using model = new IndexGRU(gpu, {
          ...{
            numClasses: 30,
            embeddingDim: 3,
            hiddenSize: 4,
            noise: new Float32Array(30).fill(1),
          },
          ...{ ...noise, dropout: 0.5, lossType: "nce", reduction: "none", ...own },
        });
        using step = gpu.step({ training: true, seed: 3, number: 5, ...(own && { part }) });
        const words = rowsOf(all, part, 1);
        const ids = step.upload(Uint32Array.from(words), [STEPS, words.length / STEPS]);
        const read = [ids, ...model.scoredClasses(step, ids)];
        await fetchRows(step, [{ tables: [model.encoder.weight], ids: read }], communicator);
        return await gpu.readFloats(model.forward(step, ids, ids));
      });
    const [whole] = await losses(1);
    for (const [rank, found] of (await losses(RANKS)).entries()) {
      const what = `rank ${rank}, per word ${noise.perWord}`;
      assertClose(found, rowsOf(whole!, partsOf()[rank]!, 1), undefined, what);
    }
  }
});

Deno.test("ownColumns() share the columns out, and leave none to ranks beyond them", () => {
  assertEquals(partsOf().map(ownColumns), [3, 2, 2]);
  assertEquals(partsOf(2, 4).map(ownColumns), [1, 1, 0, 0]);
});

Deno.test("a step refuses a part that is none, and noise from the batch one without its targets", () =>
  withGpu((gpu) => {
    const part = partsOf()[0]!;
    for (const wrong of [{ rank: 3 }, { columns: 0 }, { ranks: 1.5 }, { rank: -1 }]) {
      assertThrows(
        () => gpu.step({ part: { ...part, ...wrong } }),
        RangeError,
        "Cannot begin a step",
      );
    }
    const targets = new Uint32Array(4);
    assertThrows(
      () => gpu.step({ part: { ...part, targets } }),
      TypeError,
      "4 targets, expected 21",
    );
    for (const wrong of [null, [1, 2]]) {
      const wrongPart = { ...part, targets: wrong as unknown as Uint32Array };
      const message = `targets are ${wrong && "[1,2]"}, not a Uint32Array`;
      assertThrows(() => gpu.step({ part: wrongPart }), TypeError, message);
    }
    using noise = new BatchNoise(gpu, [1, 2, 3]);
    using step = gpu.step({ training: true, part });
    const target = step.upload(new Uint32Array(9)), request = { noiseRatio: 1, perWord: false };
    assertThrows(() => noise.sample(step, { target, ...request }), TypeError, "lacks `targets`");
    const x = step.upload(new Float32Array(10));
    assertThrows(
      () => dropout(step, x, 0.5, new RandomStream("x")),
      TypeError,
      "the part's 9 rows",
    );
  }));
