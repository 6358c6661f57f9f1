/** A small text in which nothing is odd but its size. */

const LINES = Array.from({ length: 40 }, (_, i) => `w${i % 7} the w${i % 5} and w${i % 3} of`);

/** Forty sentences. */
export const TEXT: string = LINES.join("\n") + "\n";
/** The training text, which has all words. */
export const TRAIN: string = TEXT + TEXT.replaceAll("of\n", "w6 end\n");
/** The validation and the test text, none of whose sentences is in the training text. */
export const OTHER: string = TEXT.replaceAll("and", "end");
/** The files of the text. */
export const FILES: Readonly<Record<string, string>> = {
  "train.txt": TRAIN,
  "valid.txt": OTHER,
  "test.txt": OTHER,
};
