/** Options for many processes that train or test together. */

import { count, flag, type OptionTable, RESULTS } from "./option.ts";

/** Training and testing by several ranks over MPI. */
export const DISTRIBUTED = {
  distributed: flag({
    help:
      "Share the work with the other ranks that mpirun or srun has started (docs/distributed.md).",
    modes: RESULTS,
    mayChange: true,
  }),
  shardTables: flag({
    help:
      "With --distributed, divide the tables of words among the ranks: each holds a part of the " +
      "rows, of what the optimizer keeps, too, and fetches others.",
    modes: RESULTS,
    mayChange: true,
  }),
  rankTimeout: count([1, 1e6], {
    value: "seconds",
    default: "600",
    help: "Seconds after which a rank that does not answer ends the run.",
    modes: RESULTS,
    mayChange: true,
  }),
} satisfies OptionTable;
