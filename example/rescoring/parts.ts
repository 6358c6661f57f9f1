/** Which lists weights are searched on, and on which errors are counted. */

import type { RescoreSettings } from "../options/rescore.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import { Contest } from "./contest.ts";
import type { NBestList } from "./nbest.ts";

/** Lists with references: to search the weights on, if they are not given, and to count errors on. */
export interface Parts {
  readonly dev?: Contest;
  readonly test?: Contest;
}

/** Whether both weights are given, so that none is searched. */
export function areGiven({ lmWeight, wordPenalty }: RescoreSettings): boolean {
  return lmWeight !== null && wordPenalty !== null;
}

/**
 * The parts of `lists`, and of those of `--dev PATH`, which are `own`; none without references if the weight is
 * given and `--dev` is not.
 *
 * @throws {UsageError | Failure} If weights cannot be searched, or only some lists have references.
 */
export function split(
  own: readonly NBestList[],
  lists: readonly NBestList[],
  settings: RescoreSettings,
  isDevGiven: boolean,
): Parts {
  const { dev: part, lmWeight } = settings, isKnown = haveReferences(lists);
  const all = () => isKnown ? { test: new Contest(lists) } : {};
  if (areGiven(settings)) return all();
  if (!haveReferences(own.length > 0 ? own : lists)) {
    if (lmWeight !== null && !isDevGiven) return all();
    const isPart = typeof part === "number", whose = isPart ? "" : ` of --dev ${part}`;
    const cure = isPart
      ? "give --ref, or --lm-weight without --dev"
      : "give --ref that has theirs, too, or --lm-weight and --word-penalty in place of --dev";
    throw new UsageError(
      `Cannot search weights: the lists${whose} do not say what was said; ${cure}`,
    );
  }
  if (typeof part === "string") return { ...all(), dev: new Contest(own) };
  const count = Math.max(1, Math.round(part * lists.length));
  if (count < lists.length) {
    return { dev: new Contest(lists.slice(0, count)), test: new Contest(lists.slice(count)) };
  }
  throw new Failure(
    "Cannot search weights and count errors on a single list: give --lm-weight and --word-penalty",
  );
}

/** Whether all lists have a reference; throws a Failure if only some have. */
function haveReferences(lists: readonly NBestList[]): boolean {
  const unknown = lists.filter(({ reference }) => reference === undefined);
  if (unknown.length === 0 || unknown.length === lists.length) return unknown.length === 0;
  throw new Failure(`Cannot count errors: ${unknown[0]!.id} has no reference, and others have`);
}
