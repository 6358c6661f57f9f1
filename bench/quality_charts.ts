/** Results of `deno task bench:quality` as charts. */

import { lineChart, MAX_SERIES } from "../example/report/charts.ts";
import { Failure } from "../example/shared/errors.ts";
import type { Result } from "./quality_result.ts";

/** Higher perplexities than so many times the lowest are left out: early ones would flatten the rest. */
const SHOWN = 1.5;

/** Perplexity of the first seed against seconds and against tokens, each a whole SVG file, by file name. */
export function resultCharts(all: readonly Result[]): Map<string, string> {
  const { text, best, options: { seed } } = all[0]!;
  const results = all.filter(({ options }) => options.seed === seed);
  const name = text.replaceAll(",", "").replace(/\W+/g, "-").replace(/^-|-$/g, "");
  const axes = [
    ["seconds", "seconds of training", true],
    ["tokens", "tokens read", false],
  ] as const;
  const ppls = results.flatMap(({ curve }) => curve.map(({ ppl }) => ppl ?? Infinity));
  const highest = SHOWN * Math.min(...ppls);
  return new Map(axes.map(([field, label, log]) => {
    const chart = lineChart({
      title: `Perplexity against ${label}, ${text}` +
        (best === null ? "" : `; the best possible is ${best.toFixed(2)}`),
      x: { label, log },
      y: { label: "perplexity", log: true },
      series: results.map(({ loss, curve }) => ({
        name: loss,
        points: curve.filter(({ ppl }) => ppl !== null && ppl <= highest)
          .map((point) => [point[field], point.ppl!]),
      })),
    });
    return [`${name}-${field}.svg`, chart];
  }));
}

/**
 * Checks that a chart can show these losses.
 *
 * @throws {Failure} If they are too many.
 */
export function expectDrawable(losses: readonly string[]): void {
  const { size } = new Set(losses);
  if (size <= MAX_SERIES) return;
  throw new Failure(`--svg draws ${MAX_SERIES} losses at most, not ${size}: name fewer`);
}
