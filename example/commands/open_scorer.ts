/** Opens a saved model to score text. */

import type { Gpu } from "../../mod.ts";
import { rawVerdict } from "../evaluation/card.ts";
import { TextScorer } from "../evaluation/text_scorer.ts";
import { boundsOf, checkEvaluation } from "../model/checks.ts";
import { modeProblem, type ScoreMode } from "../options/scoring.ts";
import { scoringText } from "../options/evaluation_kind.ts";
import { Failure } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";
import { checkMemory, memoryOfModel } from "../model/memory.ts";
import { normTermOf } from "../model/model.ts";
import { freeMemory } from "../shared/memory.ts";
import { loadModel } from "../storage/saved_model.ts";
import type { FoundModel } from "../storage/open_model.ts";
import { openGpu, warnOfAdapter } from "../storage/open_gpu.ts";

/** The largest batch of a text. */
const LARGEST = { steps: 64, batchSize: 64 };

/**
 * Opens the GPU and the model, and lets `use` score with it.
 *
 * @throws {Failure} If the model does not have this mode, or does not fit the device.
 */
export async function withScorer<T>(
  found: FoundModel,
  { mode, cuda }: { readonly mode: ScoreMode; readonly cuda: boolean },
  io: Io,
  use: (scorer: TextScorer, gpu: Gpu) => Promise<T>,
): Promise<T> {
  checkMode(found, mode, io);
  await using gpu = await openGpu({ cuda });
  warnOfAdapter(gpu, io);
  checkMemory(memoryOfModel(found.settings, found.vocabulary.size), freeMemory(gpu));
  const { model, vocabulary, settings, card } = loadModel(gpu, found.path, found.vocabulary);
  using _model = model;
  const { batchSize, steps: bptt } = LARGEST;
  const kind = typeof mode === "object" ? mode : mode === "exact" ? "full" : "nce";
  checkEvaluation({ ...settings, batchSize, bptt }, boundsOf(gpu, vocabulary.size), {
    kind,
    batches: [LARGEST],
    saved: true,
    option: "--mode",
  });
  const shift = mode === "raw-best" ? await normTermOf(gpu, model) - card!.mean : 0;
  return await use(new TextScorer(gpu, { model, vocabulary, kind, shift }), gpu);
}

/** Checks that need no GPU. */
function checkMode(
  { path, settings, card, vocabulary }: FoundModel,
  mode: ScoreMode,
  io: Io,
): void {
  const problem = modeProblem(settings, mode);
  if (problem !== undefined) throw new Failure(`Cannot score with ${path}: ${problem}`);
  if (mode === "exact" || typeof mode === "object") return;
  if (card === undefined && mode === "raw-best") {
    throw new Failure(
      `Cannot score with ${path} by --mode raw-best: it keeps no mean log normaliser; ` +
        "give --mode exact",
    );
  }
  const unknown = { mode: "exact", why: "no validation found how its ln Z varies" };
  const { mode: safe, why } = card ? rawVerdict(card, vocabulary.size) : unknown;
  if (why === undefined || safe === mode) return;
  io.err(
    `warning: --mode ${scoringText(mode)} is not safe with ${path}: ${why}; --mode ${safe} is`,
  );
}
