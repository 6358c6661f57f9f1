/** Options of the command `report`. */

import { flag, type OptionTable, path } from "./option.ts";
import { RUN } from "./run_options.ts";

/** Where the report goes, and what happens then. */
export const REPORT = {
  out: path({
    value: "file",
    help: "The file to write. Without it, NAME.report.html in saved_model; the names of several " +
      "runs are joined by +.",
  }),
  open: flag({ help: "Show the file in the browser." }),
  watch: flag({ help: "Write the file again whenever there is news, until training ends." }),
  debug: RUN.debug,
} satisfies OptionTable;
