/** Options of the command `doctor`, beside those of training. */

import { flag, type OptionTable } from "./option.ts";

/** How findings are printed. */
export const DOCTOR = {
  json: flag({ help: "Print the findings as a JSON object." }),
} satisfies OptionTable;
