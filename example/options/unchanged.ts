/** What a resumed run must not change: everything that it would learn something else by. */

import { shown } from "./effects.ts";
import { OPTIONS, type Settings } from "./options.ts";

/**
 * The first option whose value differs from that of the run which is resumed, with both values in words;
 * undefined if none differs that must not.
 */
export function changedOption(settings: Settings, before: Settings): string | undefined {
  const name = (Object.keys(settings) as (keyof Settings)[]).find((name) =>
    !OPTIONS[name].mayChange && settings[name] !== before[name]
  );
  if (name === undefined) return undefined;
  const inWords = (of: Settings) => `${of[name] === false ? "without" : "with"} ${shown(name, of)}`;
  return `${inWords(settings)}, as it was begun ${inWords(before)}`;
}
