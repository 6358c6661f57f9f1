/** Formats of n-best lists. */

/** Names of the formats. */
export const FORMATS = ["json", "srilm", "kaldi"] as const;

/** A format of lists: JSON lines, SRILM's files, or Kaldi's text archives. */
export type NBestFormat = typeof FORMATS[number];
