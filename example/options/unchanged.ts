/** Options that a run must not change: those of the run that it resumes, or of the model that it starts from. */

import { shown } from "./effects.ts";
import { flagOf } from "./option.ts";
import { OPTIONS, type Settings } from "./options.ts";

/** Those that affect training. */
const FIXED = (Object.keys(OPTIONS) as (keyof Settings)[]).filter((name) =>
  !OPTIONS[name].mayChange
);

/**
 * The first of the fixed options whose value differs from the one before, with both values as text; undefined
 * if there is none.
 */
export function changedOption(
  settings: Settings,
  before: Settings,
  fixed: readonly (keyof Settings)[] = FIXED,
): string | undefined {
  const name = fixed.find((name) => settings[name] !== before[name]);
  if (name === undefined) return undefined;
  const inWords = (of: Settings) =>
    of[name] === false || of[name] === null ? `without ${flagOf(name)}` : `with ${shown(name, of)}`;
  return `${inWords(settings)}, as it was begun ${inWords(before)}`;
}
