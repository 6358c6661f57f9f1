/** Options for the optimizer and its learning rate. */

import { OPTIMIZERS } from "./choices.ts";
import { alike, choice, count, EPOCHS, number, type Range, TRAINING } from "./option.ts";

/** Coefficients whose products with weights and gradients stay within float32. */
const COEFFICIENT: Range = [1e-30, 1e30];

/** How weights are updated. */
export const OPTIMIZER = alike({ modes: TRAINING }, {
  optimizer: choice(OPTIMIZERS, {
    value: "name",
    default: "sgd",
    help:
      "How weights are updated: sgd, adagrad (each weight's steps shrink with its own gradients, " +
      "which suits rare words), rowwise-adagrad (each word's, which costs next to no memory) or adam " +
      "(lazy: words that a batch does not use stay as they are).",
  }),
  lr: number(COEFFICIENT, {
    value: "rate",
    default: "1",
    help:
      "Learning rate at first; unless given, it is 0.02 for adagrad and rowwise-adagrad and 0.005 for adam.",
  }),
  momentum: number([0, 0.9999], {
    value: "rate",
    default: "0.9",
    help: "Momentum of sgd (0: none, and no memory for it).",
  }),
  warmup: count([0, 1e9], {
    value: "steps",
    default: "0",
    help: "Training steps over which the learning rate rises to --lr, in a straight line.",
  }),
  lrDecay: number([1, 1e30], {
    value: "factor",
    default: "2",
    help: "Divides the learning rate when the validation perplexity does not improve.",
    modes: EPOCHS,
  }),
  minLr: number(COEFFICIENT, {
    value: "rate",
    default: "1e-30",
    help: "--lr-decay goes no lower than this; training goes on (--patience ends it).",
    modes: EPOCHS,
  }),
  clip: number(COEFFICIENT, {
    value: "norm",
    default: "0.25",
    help: "Largest global norm of the gradients.",
  }),
  weightDecay: number([0, 1e30], {
    value: "rate",
    default: "1e-5",
    help:
      "Weight decay, added to the gradients, also with adam, unlike AdamW. With the adagrads and adam, a " +
      "table of which a step uses only some words has none in that step.",
  }),
});
