/** A recogniser's first pass: a beam search with a bigram for the most likely sentences. */

import type { Bigram } from "./bigram.ts";
import type { Channel, Sound } from "./channel.ts";

/** Number of words tried for a sound, and for a lost word. */
const CANDIDATES = 24, LOST_CANDIDATES = 3;

/** A partial sentence, which shares its beginning with others. */
interface Path {
  readonly before: Path | undefined;
  readonly word: number;
  /** All words, as a key. */
  readonly key: string;
  readonly score: number;
}

/** Number of successors that a bigram must keep. */
export const SUCCESSORS = LOST_CANDIDATES;

/**
 * The `size` best sentences, best first, each scored by its most likely alignment with the sounds.
 *
 * @param vocab Number of words; as a word it is the mark at both ends.
 */
export function decode(
  heard: readonly Sound[],
  channel: Channel,
  bigram: Bigram,
  { vocab, size }: { readonly vocab: number; readonly size: number },
): number[][] {
  const { lost, heard: spoken, intruded, end } = channel.events, beam = 2 * size;
  const extend = (before: Path, word: number, score: number): Path => {
    const lm = bigram.logProb(before.word, word);
    return { before, word, key: `${before.key} ${word}`, score: before.score + score + lm };
  };
  const withLost = (paths: readonly Path[]) =>
    bestOf([
      ...paths,
      ...paths.slice(0, size).flatMap((path) =>
        bigram.successors(path.word).map((word) => extend(path, word, lost))
      ),
    ], beam);
  let paths: Path[] = [{ before: undefined, word: vocab, key: "", score: 0 }];
  for (const sound of heard) {
    const words = candidates(sound, channel, vocab);
    const intruder = intruded + channel.logIntruder(sound);
    paths = bestOf(
      withLost(paths).flatMap((path) => [
        { ...path, score: path.score + intruder },
        ...words.map(({ word, density }) => extend(path, word, spoken + density)),
      ]),
      beam,
    );
  }
  const ended = withLost(paths).map((path) => {
    return { ...path, score: path.score + end + bigram.logProb(path.word, vocab) };
  });
  return bestOf(ended, size).map(wordsOnPath);
}

/** The words that are closest to the sound. */
function candidates(
  sound: Sound,
  channel: Channel,
  vocab: number,
): { word: number; density: number }[] {
  const densities = Float64Array.from(
    { length: vocab },
    (_, word) => channel.logDensity(sound, word),
  );
  const limit = densities.toSorted()[Math.max(0, vocab - CANDIDATES)]!;
  return Array.from(densities, (density, word) => ({ word, density }))
    .filter(({ density }) => density >= limit);
}

/** The best paths, best first; only the best of those with equal words. */
function bestOf(paths: readonly Path[], count: number): Path[] {
  const sorted = paths.toSorted((a, b) => b.score - a.score), keys = new Set<string>();
  const found: Path[] = [];
  for (const path of sorted) {
    if (keys.has(path.key)) continue;
    keys.add(path.key);
    if (found.push(path) === count) break;
  }
  return found;
}

function wordsOnPath(path: Path): number[] {
  const words: number[] = [];
  for (let at = path; at.before !== undefined; at = at.before) words.push(at.word);
  return words.reverse();
}
