/**
 * A noisy channel that turns sentences into sounds, with exactly known probabilities.
 *
 * Each word has a sound, a point drawn from a standard normal distribution. A spoken word may be lost;
 * otherwise its sound is heard with normal noise. Between words, and at both ends, sounds of no word may
 * be inserted.
 */

import type { Philox } from "../../kernels/random/mod.ts";
import { normals } from "../shared/normals.ts";

/** Dimensions of a sound. */
const SIZE = 8;
/** Probability that a word is lost, and that another sound is inserted. */
const DELETION = 0.03, INSERTION = 0.03;
const LOG_DELETION = Math.log(DELETION), LOG_HEARD = Math.log(1 - DELETION);
const LOG_INSERTION = Math.log(INSERTION), LOG_NO_MORE = Math.log(1 - INSERTION);

/** The sounds that are heard. */
export type Sound = Float64Array;

/** The channel of a vocabulary. */
export class Channel {
  /** Log probabilities of the events: a lost word, a word's sound, an inserted sound. */
  readonly events = {
    lost: LOG_DELETION + LOG_NO_MORE,
    heard: LOG_HEARD + LOG_NO_MORE,
    intruded: LOG_INSERTION,
    end: LOG_NO_MORE,
  };
  readonly #sounds: readonly Sound[];
  readonly #noise: number;

  /**
   * @param vocab Number of words.
   * @param noise Standard deviation of the noise.
   * @param random Draws the words' sounds.
   */
  constructor(vocab: number, noise: number, random: Philox) {
    this.#noise = noise;
    this.#sounds = Array.from({ length: vocab }, () => normals(SIZE, random));
  }

  /** Draws the sounds heard for a sentence. */
  speak(words: readonly number[], random: Philox): Sound[] {
    const heard: Sound[] = [], { length } = words;
    for (let i = 0; i <= length; i++) {
      while (random.uniform() < INSERTION) heard.push(this.#blur(normals(SIZE, random), random));
      if (i === length || random.uniform() < DELETION) continue;
      heard.push(this.#blur(this.#sounds[words[i]!]!, random));
    }
    return heard;
  }

  /** The log density of a sound, given its word. */
  logDensity(sound: Sound, word: number): number {
    return logNormal(sound, this.#noise ** 2, this.#sounds[word]!);
  }

  /** The log density of an inserted sound. */
  logIntruder(sound: Sound): number {
    return logNormal(sound, 1 + this.#noise ** 2);
  }

  /** The log density of all sounds given the spoken words, summed over all ways to lose words. */
  logLikelihood(heard: readonly Sound[], words: readonly number[]): number {
    const { lost, heard: spoken, intruded, end } = this.events, columns = heard.length + 1;
    const intruders = heard.map((sound) => intruded + this.logIntruder(sound));
    let row = new Float64Array(columns).fill(-Infinity);
    row[0] = 0;
    const intrude = () => {
      for (let j = 1; j < columns; j++) row[j] = logAdd(row[j]!, row[j - 1]! + intruders[j - 1]!);
    };
    intrude();
    for (const word of words) {
      const before = row;
      row = before.map((value) => value + lost);
      for (let j = 1; j < columns; j++) {
        const density = this.logDensity(heard[j - 1]!, word);
        row[j] = logAdd(row[j]!, before[j - 1]! + spoken + density);
      }
      intrude();
    }
    return row[columns - 1]! + end;
  }

  #blur(sound: Sound, random: Philox): Sound {
    const noise = normals(SIZE, random);
    return sound.map((x, i) => x + this.#noise * noise[i]!);
  }
}

/** The log density of a normal distribution of this variance; around 0 unless a centre is given. */
function logNormal(sound: Sound, variance: number, center?: Sound): number {
  let square = 0;
  for (let i = 0; i < SIZE; i++) square += (sound[i]! - (center?.[i] ?? 0)) ** 2;
  return -square / (2 * variance) - SIZE / 2 * Math.log(2 * Math.PI * variance);
}

/** ln(e^a + e^b) */
function logAdd(a: number, b: number): number {
  const most = Math.max(a, b);
  return most === -Infinity ? most : most + Math.log1p(Math.exp(-Math.abs(a - b)));
}
