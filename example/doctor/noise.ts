/** The noise of a run, from the counts of the words alone: what it wastes, and how much it is worth. */

import { type ExpectedNoise, expectedNoise, noiseWarning } from "../model/noise.ts";
import type { NoiseSource } from "../../mod.ts";
import { drawnFrom, isFromBatch } from "../options/choices.ts";
import type { Settings } from "../options/options.ts";
import { formatCount, formatNumber, formatPercent } from "../shared/format.ts";
import { BOS, EOS, UNK } from "../data/vocab.ts";
import { type Finding, finding } from "./finding.ts";

/** Part of the noise from which samples of `<unk>` are a waste. */
const MUCH_UNKNOWN = 0.2;
/** Part of the samples that should count, at least. */
const LITTLE_WORTH = 0.1;
/** Part of the samples that may equal their target before most of them say nothing. */
const MANY_HITS = 0.2;
/** Nats that the norm term may be off ln V. */
const FAR_TERM = 2;

/** Figures of a noise. */
export interface NoiseFigures {
  /** Expected part of the samples that equal their target: what training records as `hitRate`. */
  readonly hitRate: number;
  /** Expected number of different words among the samples of a target. */
  readonly different: number;
  /**
   * Number of samples from the words' own distribution p that are worth as much: `k / sum(p^2 / q)`, the
   * effective sample size of weights p / q.
   */
  readonly effective: number;
}

/**
 * Figures of the noise for targets of a text with these counts.
 *
 * @param isUnique Whether no sample repeats.
 */
export function noiseFigures(
  { samples: k, shares: q }: ExpectedNoise,
  counts: ArrayLike<number>,
  isUnique: boolean,
): NoiseFigures {
  let total = 0, hitRate = 0, square = 0, different = 0;
  for (let y = 0; y < q.length; y++) total += counts[y]!;
  for (let y = 0; y < q.length; y++) {
    const p = counts[y]! / total;
    hitRate += p * q[y]!;
    if (p > 0) square += p * p / q[y]!;
    different += isUnique ? k * q[y]! : -Math.expm1(k * Math.log1p(-Math.min(q[y]!, 1 - 1e-16)));
  }
  return { hitRate, different, effective: k / square };
}

/** What to know of the noise, and of the norm term; of the exact loss, only that of its penalty. */
export function noiseFindings(
  source: NoiseSource,
  settings: Settings,
  counts: ArrayLike<number>,
  targets: number,
): Finding[] {
  const term = termFact(settings, counts.length);
  if (settings.loss === "full") return settings.selfNorm > 0 ? [term] : [];
  const expected = expectedNoise(source, settings, counts, targets);
  const figures = noiseFigures(expected, counts, settings.unique);
  const isOrdered = drawnFrom(settings.noise) === "log-uniform" &&
    noiseWarning(settings, counts) === undefined;
  return [
    zeroFact(expected, counts, settings),
    specialFact(expected, settings),
    ...isOrdered
      ? [finding("noise", "rank order", {
        text: "ids are in order of falling frequency, as log-uniform noise takes them to be",
      })]
      : [],
    hitFact(figures, settings),
    worthFact(expected, figures, settings),
    term,
  ];
}

function zeroFact(
  { shares }: ExpectedNoise,
  counts: ArrayLike<number>,
  { start }: Settings,
): Finding {
  const words = Array.from(counts).slice(EOS + 1);
  const zeros = words.filter((count) => count === 0).length;
  const rarest = shares.reduce((least, q, id) => id > EOS ? Math.min(least, q) : least, 1);
  return finding("noise", "zeros", {
    text: `${formatCount(zeros)} of ${formatCount(words.length)} words never come in training; ` +
      `the rarest word has ${formatNumber(rarest)} of the noise`,
    cure: start === null && zeros > words.length / 2 &&
      "a vocabulary of the words that the training text has",
    figures: { zeros, rarest },
  });
}

function specialFact({ shares }: ExpectedNoise, { start }: Settings): Finding {
  const [unknown, end, word] = [shares[UNK]!, shares[BOS]!, shares[EOS]!];
  return finding("noise", "marks", {
    text: `<unk> has ${formatPercent(unknown)} of the noise, the end of a sentence ${
      formatPercent(end)
    }, the word </s> ${formatPercent(word)}`,
    cure: unknown > MUCH_UNKNOWN &&
      (start === null
        ? "a lower --min-freq or a larger vocabulary (--vocab), or --noise-power 0.75"
        : "--noise-power 0.75"),
    figures: { unknown, end },
  });
}

function hitFact({ hitRate }: NoiseFigures, { loss, noise }: Settings): Finding {
  return finding("noise", "hits", {
    text: `${formatPercent(hitRate)} of the samples will equal their target`,
    cure: hitRate > MANY_HITS && loss !== "neg"
      ? noise === "unigram" ? "--noise-power 0.75, or --loss full" : "--loss full"
      : undefined,
    figures: { hitRate },
  });
}

function worthFact(
  { samples }: ExpectedNoise,
  { different, effective }: NoiseFigures,
  { noise }: Settings,
): Finding {
  return finding("noise", "samples", {
    text: `k = ${formatCount(samples)}${isFromBatch(noise) ? ", most from the batch" : ""}, of ` +
      `${formatCount(different)} different words, worth ${formatNumber(effective)} ` +
      "from the words' own distribution",
    cure: effective < LITTLE_WORTH * samples && "--noise unigram or batch+unigram",
    figures: { samples, different, effective },
  });
}

/** How far the norm term is from ln V, where an untrained model has its ln Z. */
function termFact({ loss, normTerm, selfNorm }: Settings, words: number): Finding {
  const auto = Math.log(words), isUsed = loss === "nce" || loss === "mix" || selfNorm > 0;
  const isFar = isUsed && typeof normTerm === "number" && Math.abs(normTerm - auto) > FAR_TERM;
  return finding("noise", "norm term", {
    text: isUsed
      ? `${normTerm}; ln V, the log of the number of words, is ${auto.toFixed(2)}`
      : `--loss ${loss} does not depend on it`,
    cure: isFar && "--norm-term auto",
    figures: { auto },
  });
}
