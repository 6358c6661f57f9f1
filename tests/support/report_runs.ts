/** Records of made-up runs, for reports. */

import type { MetricsEvent } from "../../example/storage/metrics.ts";
import { parseSettings } from "../../example/options/settings.ts";
import type { Given } from "../../example/options/option.ts";

/** Steps of an epoch, reports of it, and words of a report. */
export const BATCHES = 100, REPORTS = 5, WORDS = 4000;

/** The events of a run of some epochs, whose figures follow from their numbers. */
export function madeUpEvents(given: Given, epochs: number): MetricsEvent[] {
  const { resume: _, ...config } = parseSettings({ train: true, ...given });
  const isNoisy = config.loss !== "full";
  const events: MetricsEvent[] = [
    { event: "start", config, adapter: "a GPU", vocabulary: 900, seed: 1111 },
  ];
  const card = {
    ...{ mean: 9.25, std: 0.125, percentiles: [9, 9.25, 9.5] as const, normTerm: 9 },
    ...{ rawPpl: 300, rawPplBest: 385 },
    histogram: { from: 8.75, to: 9.75, counts: [3, 40, 41, 5] },
  };
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (let report = 1; report <= REPORTS; report++) {
      const batch = report * BATCHES / REPORTS, step = (epoch - 1) * BATCHES + batch;
      const loss = 6 - 0.5 * epoch - 0.0625 * report;
      const speed = { lr: 1 / epoch, tokensPerSecond: 2000, tokens: report * WORDS };
      const hitRate = isNoisy ? { hitRate: 0.015625 / epoch } : {};
      events.push({
        event: "train",
        step,
        epoch,
        batch,
        batches: BATCHES,
        loss,
        ...speed,
        ...hitRate,
      });
    }
    const step = epoch * BATCHES;
    if (isNoisy) {
      events.push({
        event: "audit",
        step,
        cosine: 0.5,
        bias: 0.25 / epoch,
        variance: 2,
        length: 0.5,
      });
    }
    events.push({
      ...{ event: "epoch", epoch, step, seconds: 12.5, trainLoss: 5.5 - 0.5 * epoch },
      ...{ validPpl: 400 / epoch, selfNormalization: card, lr: 1 / epoch, tokensPerSecond: 2000 },
    });
  }
  return [...events, {
    ...{
      event: "test",
      evaluation: "full",
      ppl: 123.456,
      pplKnown: 111.25,
      unknown: 7,
      tokens: 5000,
    },
    selfNormalization: card,
    frequency: [
      { name: "head", words: 10, tokens: 2500, ppl: 12.5 },
      { name: "torso", words: 90, tokens: 2000, ppl: 345.5 },
      { name: "tail", words: 799, tokens: 493, ppl: 4567.25 },
      { name: "<unk>", words: 1, tokens: 7, ppl: null },
    ],
  }];
}

/** The text of a record. */
export function recordText(events: readonly MetricsEvent[]): string {
  return events.map((event) => JSON.stringify(event) + "\n").join("");
}
