/** The options of the root command, and their words. */

import { flagOf, type Given, type Option } from "../../example/options/option.ts";
import { OPTION_GROUPS } from "../../example/options/options.ts";

/** An option, its name on the command line without dashes, and the name of its setting. */
export interface NamedOption extends Option {
  readonly name: string;
  readonly setting: string;
}

/** All options in the order of the help text. */
export const OPTIONS: readonly NamedOption[] = OPTION_GROUPS.flatMap(({ options }) =>
  Object.entries(options).map(([setting, option]) => {
    return { ...option, setting, name: flagOf(setting).slice(2) };
  })
);

/** These options as words of a command line. */
export function wordsOf(given: Given): string[] {
  return Object.entries(given).flatMap(([name, value]) =>
    typeof value === "boolean" ? [`--${value ? "" : "no-"}${name}`] : [`--${name}`, String(value)]
  );
}
