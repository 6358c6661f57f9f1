/** Options for many processes that train or test together. */

import { alike, count, EPOCHS, flag, number, type OptionTable, RESULTS } from "./option.ts";

/** Training and testing by several ranks over MPI. */
export const DISTRIBUTED = {
  ...alike({ modes: RESULTS, mayChange: true }, {
    distributed: flag({
      help:
        "Share the work with the other ranks that mpirun or srun has started (docs/distributed.md).",
    }),
    shardTables: flag({
      help:
        "With --distributed, divide the tables of words among the ranks: each holds a part of the " +
        "rows, with what the optimizer keeps for them, and fetches others.",
    }),
    rankTimeout: count([1, 1e6], {
      value: "seconds",
      default: "600",
      help: "Seconds after which a rank that does not answer ends the run.",
    }),
  }),
  ...alike({ modes: EPOCHS, addedLater: true }, {
    syncEvery: count([1, 1e9], {
      value: "steps",
      default: "1",
      help:
        "Steps that each rank takes by itself, on its part of each batch, before all take the " +
        "mean: for slow networks. With 1, ranks sum the gradients of each step.",
    }),
    outerLr: number([1e-30, 1e30], {
      value: "rate",
      default: "1",
      help: "With --sync-every, how far weights go towards the ranks' mean (1: all the way).",
    }),
    outerMomentum: number([0, 0.9999], {
      value: "rate",
      default: "0",
      help: "With --sync-every, Nesterov momentum from one mean to the next.",
    }),
  }),
} satisfies OptionTable;
