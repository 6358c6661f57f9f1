/** The options of the recommender. */

import { parseArgs } from "node:util";
import { reasonOf, UsageError } from "../shared/errors.ts";

/** Number of products of the large catalogue. */
export const PRODUCTS = 10_000;

/** The help text. */
export const HELP = `Usage: deno run example/demos/recommender.ts [--items N [--dim E] [--steps N]]

Without options: 100,000 items, whose vectors are computed from features, learned in three ways.

  --items N   so many items, each with a vector of its own, learned with in-batch negatives: a multiple
              of ${PRODUCTS}, such as 10000000
  --dim E     size of a vector (16)
  --steps N   training steps of 512 purchases (1000)
  --help      this text`;

/** Sizes of the large recommender. */
export interface LargeOptions {
  /** V, the number of items. */
  readonly items: number;
  /** E, the size of a vector. */
  readonly dim: number;
  /** Number of training steps. */
  readonly steps: number;
}

/**
 * What the words of the command line ask for; nothing for the usual recommender.
 *
 * @throws {UsageError} If an option is unknown, lacks a value or has one that is out of range.
 */
export function parseRecommender(words: readonly string[]): LargeOptions | "help" | undefined {
  const { help, items, dim, steps } = parsed(words);
  if (help) return "help";
  if (items === undefined) {
    const alone = dim !== undefined ? "--dim" : steps !== undefined ? "--steps" : undefined;
    if (alone) {
      throw new UsageError(`${alone} needs --items: the usual recommender has fixed sizes`);
    }
    return undefined;
  }
  return {
    items: wholeNumber("--items", items, PRODUCTS, 1e9),
    dim: wholeNumber("--dim", dim ?? "16", 1, 1024),
    steps: wholeNumber("--steps", steps ?? "1000", 1, 1e9),
  };
}

function parsed(words: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    const options = { items: text, dim: text, steps: text, help: { type: "boolean" } } as const;
    return parseArgs({ args: [...words], options }).values;
  } catch (error) {
    throw new UsageError(`${reasonOf(error)}; see --help`, { cause: error });
  }
}

/** `text` as a multiple of `unit`, up to `most`. */
function wholeNumber(flag: string, text: string, unit: number, most: number): number {
  const value = Number(text), kind = unit === 1 ? "an integer" : `a multiple of ${unit}`;
  if (/^\d+$/.test(text) && value % unit === 0 && value > 0 && value <= most) return value;
  throw new UsageError(
    `${flag} must be ${kind} from ${unit} to ${most}, got ${JSON.stringify(text)}`,
  );
}
