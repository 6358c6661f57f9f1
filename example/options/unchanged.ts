/** Options that a resumed run must not change, because they affect training. */

import { shown } from "./effects.ts";
import { OPTIONS, type Settings } from "./options.ts";

/**
 * The first fixed option whose value differs from the resumed run's, with both values as text; undefined
 * if there is none.
 */
export function changedOption(settings: Settings, before: Settings): string | undefined {
  const name = (Object.keys(settings) as (keyof Settings)[]).find((name) =>
    !OPTIONS[name].mayChange && settings[name] !== before[name]
  );
  if (name === undefined) return undefined;
  const inWords = (of: Settings) => `${of[name] === false ? "without" : "with"} ${shown(name, of)}`;
  return `${inWords(settings)}, as it was begun ${inWords(before)}`;
}
