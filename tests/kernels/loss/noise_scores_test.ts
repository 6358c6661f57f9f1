// Counts of hits that are larger than a word.

import { assertEquals } from "@std/assert";
import { countHits } from "../../../kernels/loss/noise_scores.ts";
import { withBothFamilies } from "../../support/gpu.ts";

Deno.test("countHits() goes on past 2^32, with or without a weight", () =>
  withBothFamilies(async (gpu) => {
    const N = 70, K = 130, hits = 40 * K, samples = 50 * K; // 20 rows of no weight, and 10 without hits
    using counts = gpu.tensor([4], Uint32Array.of(2 ** 32 - 7, 5, 2 ** 32 - 1, 0));
    using step = gpu.step();
    const target = step.upload(Uint32Array.from({ length: N }, (_, n) => n < 10 ? 2 : 3));
    const noise = step.upload(new Uint32Array(K).fill(3));
    const weights = step.upload(Float32Array.from({ length: N }, (_, n) => n < 50 ? -0.5 : 0));
    for (let times = 1; times <= 2; times++) {
      countHits(step, counts, { target, noise }, weights);
      const [low, high, samplesLow, samplesHigh] = await gpu.read(counts);
      assertEquals(low! + 2 ** 32 * high!, 6 * 2 ** 32 - 7 + times * hits);
      assertEquals(samplesLow! + 2 ** 32 * samplesHigh!, 2 ** 32 - 1 + times * samples);
    }
  }));
