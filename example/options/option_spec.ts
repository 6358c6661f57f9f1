/** What is said of an option: its value, limits, default and help text, and where it has no effect. */

/** What a run does: train and test, test a saved model, or measure one batch of training. */
export type Mode = "train" | "test" | "profile";

/**
 * The text of other options with which an option changes nothing: all of them must match. A switch has
 * the text `true` or `false`, an option that is not given its default, or none.
 */
export type Idle = Readonly<Record<string, RegExp>>;

/** One option; without `value` it is a switch. */
export interface OptionSpec {
  /** Name without the leading dashes, such as `min-freq`. */
  readonly name: string;
  /** What stands for the value in the help text. */
  readonly value?: string;
  /** The smallest and the largest number that it takes. */
  readonly range?: readonly [least: number, most: number];
  /** The value taken when the option is not given. */
  readonly default?: string;
  /** What the option does, one sentence. */
  readonly help: string;
  /** The runs that it has an effect on; all unless given. */
  readonly modes?: readonly Mode[];
  /** Where it has no effect on such a run; it is refused then. */
  readonly idle?: readonly Idle[];
}

/** Options that the help text shows under one heading. */
export interface OptionGroup {
  /** Heading. */
  readonly title: string;
  /** The options under it. */
  readonly options: readonly OptionSpec[];
}

/** A count that may be as large as anybody likes: nothing is as long or as large as it. */
export const ANY_COUNT = [1, 1e9] as const;
/** Coefficients whose products with weights and gradients stay within float32. */
export const COEFFICIENT = [1e-30, 1e30] as const;

/** Runs that train. */
export const TRAINING: readonly Mode[] = ["train", "profile"];
/** Runs that train for some epochs. */
export const EPOCHS: readonly Mode[] = ["train"];
/** Runs that end with a test. */
export const RESULTS: readonly Mode[] = ["train", "test"];
