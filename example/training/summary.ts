/** The test: scores a text with the chosen evaluation and prints the results. */

import type { Gpu } from "../../mod.ts";
import { evaluationBatches } from "../data/batches.ts";
import {
  describeCard,
  frequencyBuckets,
  knownWords,
  selfNormalization,
} from "../evaluation/card.ts";
import type { TestText } from "../data/corpus.ts";
import { evaluate, evaluateLoss } from "../evaluation/evaluate.ts";
import { type EvaluationKind, evaluationText } from "../options/settings.ts";
import type { Io } from "../shared/io.ts";
import type { MetricsSink } from "../storage/metrics.ts";
import { Ranks } from "../shared/ranks.ts";
import type { WordModel } from "../model/model.ts";
import { Bar, formatCount, formatPerplexity } from "../shared/progress.ts";

/** A model, its test text, and where results go. */
export interface TestOptions {
  readonly model: WordModel;
  readonly corpus: TestText;
  readonly evaluation: EvaluationKind;
  readonly metrics: MetricsSink;
  readonly io: Io;
  /** Who shares the work; this process alone unless given. */
  readonly ranks?: Ranks;
}

/** Tests the model and prints a summary: a perplexity if the scores are normalised, else a loss. */
export async function summarize(gpu: Gpu, options: TestOptions): Promise<void> {
  if (options.evaluation === "full") await summarizeExact(gpu, options);
  else await summarizeLoss(gpu, options, options.evaluation);
}

async function summarizeExact(gpu: Gpu, options: TestOptions): Promise<void> {
  const { model, corpus, metrics, io, ranks = new Ranks() } = options;
  const batches = evaluationBatches(corpus.test);
  using bar = new Bar(io, "testing", batches.length);
  const { ppl, tokens, scores } = await evaluate(gpu, model, batches, { ranks, bar });
  const { vocabulary } = corpus, known = knownWords(scores);
  const card = selfNormalization(scores, await normTermOf(gpu, model), vocabulary.size);
  const frequency = frequencyBuckets(scores, vocabulary);
  for (const line of describeCard(card, frequency)) io.result(line);
  const parts = [`test        ppl ${formatPerplexity(ppl)}`];
  if (known.unknown > 0) {
    parts.push(
      `${formatPerplexity(known.ppl)} without the ${formatCount(known.unknown)} unknown words`,
    );
  }
  const best = corpus.bestTestPerplexity;
  if (best !== undefined) {
    parts.push(`best possible ${formatPerplexity(best)} (ratio ${(ppl / best).toFixed(3)})`);
  }
  io.result([...parts, `${formatCount(tokens)} tokens`].join(", "));
  metrics.write({
    event: "test",
    evaluation: "full",
    ppl,
    ...(known.unknown > 0 && { pplKnown: known.ppl, unknown: known.unknown }),
    tokens,
    selfNormalization: card,
    frequency,
  });
}

async function summarizeLoss(
  gpu: Gpu,
  { model, corpus, metrics, io, ranks = new Ranks() }: TestOptions,
  kind: Exclude<EvaluationKind, "full">,
): Promise<void> {
  const { criterion } = model, evaluation = evaluationText(kind);
  using _loss = setLoss(criterion, kind);
  const batches = evaluationBatches(corpus.test);
  using bar = new Bar(io, "testing", batches.length);
  const { loss, tokens } = await evaluateLoss(gpu, model, batches, { ranks, bar });
  // The exact loss is the mean negative log probability; no other loss is normalised.
  const exact = criterion.lossType === "full" ? { ppl: Math.exp(loss) } : {};
  const name = kind === "loss" ? criterion.lossType : evaluation;
  const meaning = exact.ppl === undefined
    ? "(not normalised: not a perplexity)"
    : `(ppl ${formatPerplexity(exact.ppl)})`;
  io.result(
    `test        ${name} loss ${loss.toFixed(4)} a token, ` +
      `${formatCount(tokens)} tokens ${meaning}`,
  );
  metrics.write({ event: "test", evaluation, loss, ...exact, tokens });
}

/** Makes the criterion compute an evaluation's loss, until the result is disposed of. */
function setLoss(
  criterion: WordModel["criterion"],
  kind: Exclude<EvaluationKind, "full">,
): Disposable {
  const { lossType, noiseRatio } = criterion;
  if (typeof kind === "object") criterion.noiseRatio = kind.sampled; // first, as it may throw
  if (kind !== "loss") criterion.lossType = kind === "nce" ? "nce" : "sampled";
  return {
    [Symbol.dispose]() {
      Object.assign(criterion, { lossType, noiseRatio });
    },
  };
}

/** c of the model, learned or not. */
export async function normTermOf(gpu: Gpu, { criterion }: WordModel): Promise<number> {
  const { normTerm } = criterion;
  return typeof normTerm === "number" ? normTerm : (await gpu.readFloats(normTerm))[0]!;
}
