/** Memory: what the model, its optimizer and a step take, against what there is. */

import { format as formatBytes } from "@std/fmt/bytes";
import type { Need } from "../model/needs.ts";
import { product } from "../model/shapes.ts";
import { formatPercent } from "../shared/format.ts";
import { type Finding, finding } from "./finding.ts";

/** Bytes at the stages of a trial. */
export interface MemoryFigures {
  /** The parameters, and with them what the optimizer keeps. */
  readonly parameters: number;
  readonly kept: number;
  /** The most that was taken in a step or an evaluation. */
  readonly peak: number;
}

/**
 * What to know of the memory.
 *
 * @param fullest The tensor that is nearest to its limit.
 * @param free Bytes that the machine has left, if that is known.
 */
export function memoryFindings(
  { parameters, kept, peak }: MemoryFigures,
  fullest: Need,
  free: number | undefined,
): Finding[] {
  const part = product(fullest.shape) / fullest.most;
  return [
    finding("memory", "tables", {
      text: `parameters ${formatBytes(parameters)}, with the optimizer ${formatBytes(kept)}`,
      figures: { parameters, kept },
    }),
    finding("memory", "largest", {
      text: `${fullest.what}, [${fullest.shape.join(", ")}], take ${
        formatPercent(part)
      } of what the adapter allows`,
      figures: { part },
    }),
    peakFact(peak, free),
  ];
}

function peakFact(peak: number, free: number | undefined): Finding {
  const rest = free === undefined ? "" : `; the machine has ${formatBytes(free)} left`;
  return finding("memory", "step", {
    text: `${formatBytes(peak)} at most, in training and evaluation${rest}`,
    cure: free !== undefined && peak > free &&
      "a smaller --batch-size, --emsize or vocabulary, or a machine with more memory",
    figures: { peak, ...(free !== undefined && { free }) },
  });
}
