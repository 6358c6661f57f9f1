/** The option of the norm term. */

import { number, wordOr } from "./option.ts";

const TERM = wordOr(
  ["auto", "learned"],
  number([-1000, 1000], {
    value: "number",
    default: "auto",
    help:
      "Log of the normalising constant that nce and mix assume: a number, auto (also -1) for the " +
      "log of the vocabulary size, or learned. With full and sampled it only moves ln Z, as the " +
      "output bias starts at it.",
  }),
);
/** A number, `auto` or `learned`; -1 is `auto`. */
export const NORM_TERM: typeof TERM = {
  ...TERM,
  read(text) {
    const term = TERM.read(text);
    return term === -1 ? "auto" : term;
  },
};
