/** The options of the root command, for tests that look at all of them. */

import { flagOf, type Option } from "../../example/options/option.ts";
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
