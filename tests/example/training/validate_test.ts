// The loss of a validation, and that of a test, are of the objective that is trained.

import { assert } from "@std/assert";
import { inFolder } from "../../support/folder.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";
import { events, runTiny } from "../../support/tiny_run.ts";

leaseToProgram();

/** A run that learns nothing: the loss of neg is about ln 2 for a target and for each of its samples. */
const STILL = { "train": true, "epochs": "1", "lr": "1e-9", "dropout": "0", "batch-size": "5" };
const RUNS = {
  neg: { "loss": "neg", "noise": "batch" },
  sampled: { "loss": "sampled", "noise": "batch", "evaluation": "loss" },
};

Deno.test("noise from the batch is about as much in validation and test as in training", () =>
  inFolder(async () => {
    for (const [name, given] of Object.entries(RUNS)) {
      await runTiny({ ...STILL, ...given, "save": name });
      const [epoch, test] = events(name)
        .filter(({ event }) => event === "epoch" || event === "test");
      const { trainLoss, validLoss = trainLoss } = epoch as Record<string, number>;
      for (const loss of [validLoss, test!["loss"]] as number[]) {
        // These texts end with a batch that is not full. Batches of 4,096 places would have four times the loss.
        assert(
          loss > 0.8 * trainLoss! && loss < 1.2 * trainLoss!,
          `${name}: ${loss}, ${trainLoss}`,
        );
      }
    }
  }));
