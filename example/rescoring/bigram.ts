/** A bigram model, the simple language model of a recogniser's first pass. */

/** Log probabilities of words given the previous word: Witten-Bell smoothing with unigrams. */
export class Bigram {
  readonly #size: number;
  readonly #pairs = new Map<number, number>();
  /** For each word: the number of its successors, and of the distinct ones. */
  readonly #follows: Float64Array;
  readonly #kinds: Float64Array;
  /** Unigram probability of each word, with one added to its count. */
  readonly #alone: Float64Array;
  /** The most frequent successors of each word. */
  readonly #successors = new Map<number, number[]>();

  /**
   * Counts sentences of words from 0 to `vocab` - 1; the number `vocab` is the mark at both ends.
   *
   * @param most Maximum successors of a word kept for {@linkcode successors}.
   */
  constructor(sentences: Iterable<readonly number[]>, vocab: number, most: number) {
    this.#size = vocab + 1;
    this.#follows = new Float64Array(this.#size);
    this.#kinds = new Float64Array(this.#size);
    this.#alone = new Float64Array(this.#size).fill(1);
    const followers = new Map<number, Map<number, number>>();
    for (const sentence of sentences) {
      let before = vocab;
      for (const word of [...sentence, vocab]) {
        const key = before * this.#size + word, count = this.#pairs.get(key) ?? 0;
        this.#pairs.set(key, count + 1);
        if (count === 0) this.#kinds[before]!++;
        this.#follows[before]!++;
        this.#alone[word]!++;
        const own = followers.get(before) ?? new Map<number, number>();
        followers.set(before, own.set(word, count + 1));
        before = word;
      }
    }
    const total = this.#alone.reduce((a, b) => a + b);
    this.#alone.forEach((count, word) => this.#alone[word] = count / total);
    for (const [before, own] of followers) {
      const sorted = [...own].filter(([word]) => word !== vocab).sort(([, a], [, b]) => b - a);
      this.#successors.set(before, sorted.slice(0, most).map(([word]) => word));
    }
  }

  /** The natural log probability of `word` after `before`. */
  logProb(before: number, word: number): number {
    const follows = this.#follows[before]!, kinds = this.#kinds[before]!;
    const alone = this.#alone[word]!;
    if (follows === 0) return Math.log(alone);
    const count = this.#pairs.get(before * this.#size + word) ?? 0;
    return Math.log((count + kinds * alone) / (follows + kinds));
  }

  /** The most frequent successors, in order of falling frequency. */
  successors(before: number): readonly number[] {
    return this.#successors.get(before) ?? [];
  }
}
