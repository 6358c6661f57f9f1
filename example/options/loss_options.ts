/** Options of the loss, its noise and how it is evaluated. */

import {
  ANY_COUNT,
  EPOCHS,
  type Idle,
  type OptionGroup,
  RESULTS,
  TRAINING,
} from "./option_spec.ts";

const FULL: Idle = { loss: /^full$/ };
/** Nothing is drawn, not even in the test. */
const UNDRAWN: Idle = { loss: /^full$/, evaluation: /^(?!sampled)/ };
/** Only an IndexLinear's bias starts at the noise, which is that of the words where it is the batch. */
const UNSEEN: readonly Idle[] = [
  { ...UNDRAWN, "index-module": /^gru$/ },
  { ...UNDRAWN, noise: /^batch/ },
];
/** The norm term cancels or is left out, and nothing but a penalty would teach it. */
const UNSHIFTED: Idle = { "loss": /^(sampled|neg)$/, "self-norm": /^0$/ };
const LEARNED: Idle = { "norm-term": /^learned$/ };
/** No score or bias of such a model has to do with the norm term, and its test is the loss. */
const UNBIASED: Idle = { "loss": /^neg$/, "index-module": /^gru$/ };
const NOT_SAMPLED: Idle = { loss: /^(?!sampled$)/ };

/** The options of the loss. */
export const LOSS_OPTIONS: OptionGroup = {
  title: "Loss",
  options: [
    {
      name: "loss",
      value: "loss",
      default: "full",
      help: "Training loss: full (exact softmax), nce, sampled (sampled softmax), mix (mean of " +
        "nce and sampled) or neg (negative sampling; gives no probabilities).",
      modes: TRAINING,
    },
    { name: "nce", help: "Short for --loss nce.", modes: TRAINING },
    {
      name: "noise-ratio",
      value: "count",
      range: [1, 1e7],
      default: "50",
      help: "Noise samples for a target, k; shared by all targets of a batch.",
      modes: TRAINING,
      idle: [FULL, { noise: /^batch$/ }],
    },
    {
      name: "per-word",
      help: "Draw noise for every target.",
      modes: TRAINING,
      idle: [UNDRAWN, { noise: /^batch/ }, { unique: /^true$/ }],
    },
    {
      name: "noise",
      value: "source",
      default: "unigram",
      help:
        "Where noise comes from, and the output bias starts: unigram, uniform, log-uniform, batch (the other targets of " +
        "the batch), or batch with another, such as batch+unigram.",
      modes: TRAINING,
      idle: UNSEEN,
    },
    {
      name: "noise-power",
      value: "number",
      range: [0, 10],
      default: "1",
      help: "Exponent of the word counts in unigram noise.",
      modes: TRAINING,
      idle: [{ noise: /(?<!unigram)$/ }, ...UNSEEN],
    },
    {
      name: "noise-uniform",
      value: "part",
      range: [0, 1],
      default: "0",
      help: "Part of uniform noise that is mixed into unigram noise.",
      modes: TRAINING,
      idle: [{ noise: /(?<!unigram)$/ }, ...UNSEEN],
    },
    {
      name: "unique",
      help: "Draw different samples (--loss sampled only).",
      modes: TRAINING,
      idle: [NOT_SAMPLED, { noise: /^batch/ }],
    },
    {
      name: "remove-hits",
      help: "Leave out samples that equal the target (--loss sampled only).",
      modes: TRAINING,
      idle: [{ ...NOT_SAMPLED, evaluation: /^(?!sampled)/ }],
    },
    {
      name: "norm-term",
      value: "number",
      range: [-1000, 1000],
      default: "9",
      help: "Log of the normalising constant that nce assumes: a number, auto (also -1) " +
        "for the log of the vocabulary size, or learned.",
      modes: TRAINING,
      idle: [{ ...FULL, ...LEARNED }, { ...UNSHIFTED, ...LEARNED }, { ...UNSHIFTED, ...UNBIASED }],
    },
    {
      name: "self-norm",
      value: "alpha",
      range: [0, 1e10],
      default: "0",
      help: "Weight of a penalty on the square of the estimated log normaliser.",
      modes: TRAINING,
      idle: [FULL],
    },
    {
      name: "evaluation",
      value: "kind",
      default: "full",
      help:
        "How the test is scored: full (normalised: a perplexity), nce (raw scores less the norm " +
        "term), sampled:K (the sampled loss of K samples) or loss (that of training: full, sampled, neg).",
      modes: RESULTS,
    },
    {
      name: "audit",
      value: "steps",
      range: ANY_COUNT,
      help: "Every so many steps, compare the sampled gradient with the exact one.",
      modes: EPOCHS,
      idle: [FULL],
    },
  ],
};
