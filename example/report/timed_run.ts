/** When the events of a run happened: in epochs, in words trained on, and in seconds. */

import type { EpochFigures, RunRecord, TrainFigures } from "./record.ts";

/** What has elapsed of a run at some moment; a measure that the record does not tell is NaN. */
export interface Elapsed {
  readonly epochs: number;
  readonly tokens: number;
  /** Of training and validation; the time between a stop and a resumption does not count. */
  readonly seconds: number;
}

/** Figures, and when they were measured. */
export type Timed<Figures> = Figures & { readonly at: Elapsed };

/** A run's figures with their times. */
export interface TimedRun {
  readonly train: readonly Timed<TrainFigures>[];
  readonly epochs: readonly Timed<EpochFigures>[];
}

/** Finds when each report was made and each epoch ended. */
export function timedRun({ train, epochs }: Pick<RunRecord, "train" | "epochs">): TimedRun {
  const numbers = new Set([...train, ...epochs].map(({ epoch }) => epoch));
  const timed: { train: Timed<TrainFigures>[]; epochs: Timed<EpochFigures>[] } = {
    train: [],
    epochs: [],
  };
  let tokens = 0, seconds = 0;
  for (const number of [...numbers].sort((a, b) => a - b)) {
    let inEpoch = 0, time = seconds;
    for (const report of train.filter(({ epoch }) => epoch === number)) {
      const more = report.tokens - inEpoch;
      if (more !== 0) time += more / report.tokensPerSecond;
      inEpoch = report.tokens;
      const part = report.batch / report.batches;
      const at = { epochs: number - 1 + part, tokens: tokens + inEpoch, seconds: time };
      timed.train.push({ ...report, at });
    }
    tokens += inEpoch;
    const end = epochs.find(({ epoch }) => epoch === number);
    // An epoch that was resumed has only the seconds since then.
    const whole = seconds + (end?.seconds ?? 0);
    seconds = Number.isNaN(time) ? whole : Math.max(whole, time);
    if (end) timed.epochs.push({ ...end, at: { epochs: number, tokens, seconds } });
  }
  return timed;
}

/**
 * Fewer points of a long line, of the same look: of each stretch the first, the smallest and the largest, and
 * the last of all.
 *
 * @param most The most that remain, at least 4.
 */
export function thinned<P extends readonly [number, number]>(
  points: readonly P[],
  most: number,
): readonly P[] {
  if (points.length <= most) return points;
  const size = Math.ceil(points.length / Math.floor((most - 1) / 3));
  const kept = new Set<P>();
  for (let from = 0; from < points.length; from += size) {
    const stretch = points.slice(from, from + size);
    const by = (isMore: (a: number, b: number) => boolean) =>
      stretch.reduce((best, point) => isMore(point[1], best[1]) ? point : best);
    kept.add(stretch[0]!).add(by((a, b) => a < b)).add(by((a, b) => a > b));
  }
  kept.add(points.at(-1)!);
  return points.filter((point) => kept.has(point));
}
