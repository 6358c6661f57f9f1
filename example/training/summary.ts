/** The test: scores a text with the chosen evaluation and prints the results. */

import type { Gpu } from "../../mod.ts";
import { scoredBatches } from "../data/batches.ts";
import {
  describeCard,
  frequencyBuckets,
  knownWords,
  selfNormalization,
} from "../evaluation/card.ts";
import type { TestText } from "../data/corpus.ts";
import {
  evaluate,
  evaluateLoss,
  evaluateTokens,
  type ScoringWatch,
  setLoss,
} from "../evaluation/evaluate.ts";
import { perplexityError, standardError } from "../evaluation/standard_error.ts";
import type { RowBatch } from "../data/row_batch.ts";
import { type EvaluationKind, measureText, scoringText } from "../options/evaluation_kind.ts";
import type { Settings } from "../options/options.ts";
import type { Io } from "../shared/io.ts";
import type { MetricsSink, TestEvent } from "../storage/metrics.ts";
import { Ranks } from "../shared/ranks.ts";
import { normTermOf, type WordModel } from "../model/model.ts";
import { formatCount, formatPerplexity, labelled } from "../shared/format.ts";
import { Bar } from "../shared/progress.ts";

/** A model, its test text, and where results go. */
export interface TestOptions {
  readonly model: WordModel;
  readonly corpus: TestText;
  readonly settings: Settings;
  readonly metrics: MetricsSink;
  readonly io: Io;
  /** Who shares the work; this process alone unless given. */
  readonly ranks?: Ranks;
}

/** Tests the model and prints a summary: a perplexity if the scores are normalised, else a loss. */
export async function summarize(gpu: Gpu, options: TestOptions): Promise<void> {
  const { evaluation } = options.settings;
  if (evaluation === "full") await summarizeExact(gpu, options);
  else await summarizeLoss(gpu, options, evaluation);
}

async function summarizeExact(gpu: Gpu, options: TestOptions): Promise<void> {
  const { model, corpus, settings, metrics, io, ranks = new Ranks() } = options;
  const batches = scoredBatches(corpus.test, "full", settings);
  using bar = new Bar(io, "testing", batches.length);
  const found = await evaluate(gpu, model, batches, { ranks, bar });
  const { ppl, tokens, scores } = found;
  const { vocabulary } = corpus, known = knownWords(scores);
  const card = selfNormalization(scores, await normTermOf(gpu, model));
  const frequency = frequencyBuckets(scores, vocabulary);
  for (const line of describeCard(card, frequency)) io.result(line);
  const part = { text: corpus.test, batches, wholeTokens: corpus.wholeTokens?.test };
  const error = perplexityError(found, part);
  const parts = [`ppl ${formatPerplexity(ppl)}`];
  if (known.unknown > 0) {
    parts.push(
      `${formatPerplexity(known.ppl)} without the ${formatCount(known.unknown)} unknown words`,
    );
  }
  if (error !== undefined) parts[0] += ` \u00b1 ${formatPerplexity(error)} (standard error)`;
  const best = corpus.bestTestPerplexity;
  if (best !== undefined) {
    parts.push(`best possible ${formatPerplexity(best)} (ratio ${(ppl / best).toFixed(3)})`);
  }
  io.result(labelled("test", [...parts, tokensText(tokens, corpus)].join(", ")));
  metrics.write({
    event: "test",
    evaluation: "full",
    ppl,
    ...(known.unknown > 0 && { pplKnown: known.ppl, unknown: known.unknown }),
    tokens,
    ...partOf(corpus, error),
    selfNormalization: card,
    frequency,
  });
}

async function summarizeLoss(
  gpu: Gpu,
  { model, corpus, settings, metrics, io, ranks = new Ranks() }: TestOptions,
  kind: Exclude<EvaluationKind, "full">,
): Promise<void> {
  const { criterion } = model, evaluation = scoringText(kind);
  using _loss = setLoss(criterion, kind);
  const batches = scoredBatches(corpus.test, kind, settings);
  using bar = new Bar(io, "testing", batches.length);
  const { loss, tokens, error } = corpus.wholeTokens === undefined
    ? { ...await evaluateLoss(gpu, model, batches, { ranks, bar }), error: undefined }
    : await lossOfPart(gpu, model, batches, corpus, { ranks, bar });
  // The exact loss is the mean negative log probability; no other loss is normalised.
  const exact = criterion.lossType === "full" ? { ppl: Math.exp(loss) } : {};
  const name = kind === "loss" ? `${criterion.lossType} loss` : measureText(evaluation);
  const meaning = exact.ppl === undefined
    ? "(not normalised: not a perplexity)"
    : `(ppl ${formatPerplexity(exact.ppl)})`;
  const spread = error === undefined ? "" : ` \u00b1 ${error.toFixed(4)} (standard error)`;
  const mean = `${name} ${loss.toFixed(4)}${spread} a token`;
  io.result(labelled("test", `${mean}, ${tokensText(tokens, corpus)} ${meaning}`));
  const part = partOf(corpus, error);
  metrics.write({ event: "test", evaluation, loss, ...exact, tokens, ...part });
}

/** The mean loss of a part's tokens and its standard error. */
async function lossOfPart(
  gpu: Gpu,
  model: WordModel,
  batches: readonly RowBatch[],
  { test, wholeTokens }: TestText,
  watch: ScoringWatch,
): Promise<{ loss: number; tokens: number; error: number | undefined }> {
  const losses = await evaluateTokens(gpu, model, batches, watch);
  const part = { text: test, batches, value: (i: number) => losses[i]! };
  return {
    loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    tokens: losses.length,
    error: standardError({ ...part, wholeTokens: wholeTokens?.test }),
  };
}

/** What the record says of the test's part of a text. */
function partOf(
  { wholeTokens }: TestText,
  standardError: number | undefined,
): Pick<TestEvent, "standardError" | "ofTokens"> {
  return {
    ...(standardError !== undefined && { standardError }),
    ...(wholeTokens && { ofTokens: wholeTokens.test }),
  };
}

function tokensText(tokens: number, { wholeTokens }: TestText): string {
  const of = wholeTokens === undefined ? "" : ` of ${formatCount(wholeTokens.test)}`;
  return `${formatCount(tokens)}${of} tokens`;
}
