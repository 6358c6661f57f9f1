/** Without `--train` and `--prof`: tests a saved model. */

import { boundsOf, checkEvaluation } from "../model/checks.ts";
import { describeModel } from "./describe.ts";
import { evaluationBatches } from "../data/batches.ts";
import { evaluationProblem } from "../options/settings.ts";
import { Failure } from "../shared/errors.ts";
import type { Job } from "./job.ts";
import { loadModel } from "../storage/checkpoint.ts";
import { Metrics } from "../storage/metrics.ts";
import { modelPath } from "../storage/open_model.ts";
import { summarize } from "../training/summary.ts";

/**
 * Loads the model and reports how well it does.
 *
 * @throws {Failure} If there is no such model, or it cannot be tested like that or on this text.
 */
export async function testModel({ gpu, settings, corpus, io }: Job): Promise<void> {
  const path = modelPath(settings.save), { evaluation } = settings;
  const { model, vocabulary, settings: own } = loadModel(gpu, path);
  using _model = model;
  io.out(`model       ${path}: ${describeModel(own, vocabulary.size)}`);
  const problem = evaluationProblem(own, evaluation);
  if (problem !== undefined) throw new Failure(`${path}: ${problem}`);
  if (!vocabulary.equals(corpus.vocabulary)) {
    throw new Failure(
      `Cannot test ${path} on ${settings.data}: it was trained with another vocabulary ` +
        `(${vocabulary.size} words, here ${corpus.vocabulary.size}); give its --data, --vocab ` +
        "and --min-freq",
    );
  }
  checkEvaluation({ ...settings, ...own }, boundsOf(gpu, vocabulary.size), {
    kind: evaluation,
    batches: evaluationBatches(corpus.test),
    saved: true,
  });
  const metrics = new Metrics(settings.save, io);
  await summarize(gpu, { model, corpus, evaluation, metrics, io });
}
