// Lists of the made-up language: exact probabilities of the channel, the bigram and the language.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Philox } from "../../../kernels/random/philox.ts";
import { Bigram } from "../../../example/rescoring/bigram.ts";
import { Channel, type Sound } from "../../../example/rescoring/channel.ts";
import { decode, SUCCESSORS } from "../../../example/rescoring/decode.ts";
import { align, countErrors, errorsOf } from "../../../example/rescoring/errors.ts";
import { makeLists } from "../../../example/rescoring/make_lists.ts";

const OPTIONS = {
  language: { words: 20_000, vocab: 300, seed: 1 },
  ...{ lists: 60, size: 20, noise: 0.6, seed: 1 },
};

Deno.test("the channel's likelihood is the sum over all that could have happened", () => {
  const channel = new Channel(5, 0.7, new Philox(1, 1, 0)), { events } = channel;
  const air = new Philox(2, 2, 0);
  /** The probability of the rest, from a gap before word i on. */
  const rest = (heard: readonly Sound[], words: readonly number[]): number => {
    const [sound, ...later] = heard, [word, ...others] = words;
    const intruded = sound === undefined
      ? 0
      : Math.exp(events.intruded + channel.logIntruder(sound)) * rest(later, words);
    if (word === undefined) return intruded + (sound === undefined ? Math.exp(events.end) : 0);
    const spoken = sound === undefined
      ? 0
      : Math.exp(events.heard + channel.logDensity(sound, word)) * rest(later, others);
    return intruded + spoken + Math.exp(events.lost) * rest(heard, others);
  };
  for (const words of [[], [2], [0, 1], [4, 4, 3], [1, 2, 3, 0]]) {
    for (let i = 0; i < 5; i++) {
      const heard = channel.speak(words, air);
      assertAlmostEquals(channel.logLikelihood(heard, words), Math.log(rest(heard, words)), 1e-9);
    }
  }
});

Deno.test("the channel's densities are normal, around a word's sound and around 0", () => {
  const noise = 0.7, channel = new Channel(5, noise, new Philox(1, 1, 0)), SIZE = 8;
  const at = (i: number, x: number) => new Float64Array(SIZE).with(i, x);
  const most = (variance: number) => -SIZE / 2 * Math.log(2 * Math.PI * variance);
  for (let word = 0; word < 5; word++) {
    // ln of a normal density is a parabola: its middle follows from two points.
    const slope = (i: number) =>
      channel.logDensity(at(i, 1), word) - channel.logDensity(at(i, -1), word);
    const sound = Float64Array.from({ length: SIZE }, (_, i) => slope(i) * noise ** 2 / 2);
    assertAlmostEquals(channel.logDensity(sound, word), most(noise ** 2), 1e-9);
    const off = channel.logDensity(sound.map((x) => x + noise), word);
    assertAlmostEquals(off, most(noise ** 2) - SIZE / 2, 1e-9);
  }
  const variance = 1 + noise ** 2;
  assertAlmostEquals(channel.logIntruder(at(0, 0)), most(variance), 1e-9);
  assertAlmostEquals(channel.logIntruder(at(3, 2)), most(variance) - 2 / variance, 1e-9);
  const [lost, heard, intruded, end] = Object.values(channel.events).map(Math.exp);
  assertAlmostEquals(lost! + heard!, end!, 1e-12);
  assertAlmostEquals(intruded! + end!, 1, 1e-12);
});

Deno.test("the channel loses words, and lets sounds in, as often as it says", () => {
  const channel = new Channel(5, 0.1, new Philox(1, 1, 0)), air = new Philox(3, 3, 0);
  const words = [0, 1, 2, 3, 4], rounds = 4000;
  let sounds = 0;
  for (let i = 0; i < rounds; i++) sounds += channel.speak(words, air).length;
  const lost = 1 - Math.exp(channel.events.heard - channel.events.end);
  const intruded = Math.exp(channel.events.intruded);
  const expected = 5 * (1 - lost) + 6 * intruded / (1 - intruded);
  assertAlmostEquals(sounds / rounds, expected, 0.03);
});

Deno.test("the bigram's probabilities sum to one after every word, also after one never seen", () => {
  const V = 6, bigram = new Bigram([[0, 1, 2], [0, 1], [], [3, 3, 3]], V, 2);
  for (let before = 0; before <= V; before++) {
    let sum = 0;
    for (let word = 0; word <= V; word++) sum += Math.exp(bigram.logProb(before, word));
    assertAlmostEquals(sum, 1, 1e-12);
  }
  assert(bigram.logProb(0, 1) > bigram.logProb(0, 2));
  // Of 12 words and marks, with one added to each of 7 counts: Witten and Bell's mixture.
  assertAlmostEquals(Math.exp(bigram.logProb(3, 3)), (2 + 2 * 4 / 19) / (3 + 2), 1e-12);
  assertAlmostEquals(Math.exp(bigram.logProb(0, 2)), (0 + 1 * 2 / 19) / (2 + 1), 1e-12);
  assertAlmostEquals(Math.exp(bigram.logProb(4, 2)), 2 / 19, 1e-12);
  assertEquals(bigram.successors(3), [3]);
  assertEquals(bigram.successors(4), []);
});

Deno.test("decode() finds what was said first where there is hardly any noise", () => {
  const V = 6, bigram = new Bigram([[0, 1, 2], [0, 1], [], [3, 3, 3]], V, SUCCESSORS);
  const channel = new Channel(V, 0.01, new Philox(1, 1, 0)), air = new Philox(4, 2, 0);
  for (const words of [[0, 1, 2], [5, 4], [3, 3, 3], [2]]) {
    let heard = channel.speak(words, air);
    while (heard.length !== words.length) heard = channel.speak(words, air);
    const found = decode(heard, channel, bigram, { vocab: V, size: 5 });
    assertEquals([found[0], found.length], [words, 5]);
  }
});

Deno.test("lists have different hypotheses, and the truth chooses better than the recogniser", () => {
  const lists = [...makeLists(OPTIONS)], errors = { first: 0, truth: 0, oracle: 0 };
  assertEquals(lists.length, OPTIONS.lists);
  for (const { reference, hypotheses } of lists) {
    assert(hypotheses.length > 0 && hypotheses.length <= OPTIONS.size);
    assertEquals(new Set(hypotheses.map(({ words }) => words.join(" "))).size, hypotheses.length);
    for (const { acoustic, lm, truth } of hypotheses) {
      assert([acoustic, lm, truth].every(Number.isFinite));
    }
    const own = hypotheses.map(({ words }) => errorsOf(countErrors(align(reference!, words))));
    const posterior = hypotheses.map(({ acoustic, truth }) => acoustic + truth!);
    errors.first += own[0]!;
    errors.truth += own[posterior.indexOf(Math.max(...posterior))]!;
    errors.oracle += Math.min(...own);
  }
  assert(errors.oracle < errors.truth && errors.truth < errors.first, Deno.inspect(errors));
  assertEquals([...makeLists(OPTIONS)], lists, "the same for the same seed");
  const [other] = makeLists({ ...OPTIONS, seed: 2 });
  assert(other!.reference!.join() !== lists[0]!.reference!.join());
});
