/** A bigram model, the simple language model of a recogniser's first pass. */

/** Log probabilities of words by the word before; Witten and Bell's mixture with those of single words. */
export class Bigram {
  readonly #size: number;
  readonly #pairs = new Map<number, number>();
  /** Of each word: how often it is followed by something, and by how many different ones. */
  readonly #follows: Float64Array;
  readonly #kinds: Float64Array;
  /** Probability of each word alone, every one counted once more than it comes. */
  readonly #alone: Float64Array;
  /** The words that follow each word most often. */
  readonly #successors = new Map<number, number[]>();

  /**
   * Counts sentences of words from 0 to `vocab` - 1; the number `vocab` is the mark at both ends.
   *
   * @param most Successors of a word that are kept for {@linkcode successors}.
   */
  constructor(sentences: readonly (readonly number[])[], vocab: number, most: number) {
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

  /** The words that follow most often, the most frequent first. */
  successors(before: number): readonly number[] {
    return this.#successors.get(before) ?? [];
  }
}
