/** Options of the command `report`. */

import { flag, optional, type OptionTable, path } from "./option.ts";
import { RUN } from "./options.ts";

/** Where the report goes, and what happens then. */
export const REPORT = {
  out: optional(
    path({
      value: "file",
      help:
        "The file to write. Without it, NAME.report.html in saved_model; the names of several " +
        "runs are joined by +.",
    }),
    null,
  ),
  open: flag({ help: "Show the file in the browser." }),
  watch: flag({ help: "Write the file again whenever there is news, until training ends." }),
  debug: RUN.debug,
} satisfies OptionTable;
