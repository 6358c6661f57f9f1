/** Generates text with a model: word by word, several texts side by side. */

import type { Gpu, Step, Tensor } from "../../mod.ts";
import { drawClasses } from "../../kernels/ops.ts";
import { Philox, RandomStream, streamOf } from "../../kernels/random/mod.ts";
import { UNK } from "../data/vocab.ts";
import { CarriedStates } from "../model/carried_states.ts";
import type { WordModel } from "../model/model.ts";
import { type GenerateSettings, MAX_BEST } from "../options/generate.ts";
import { pick } from "./pick.ts";

const STREAM = new RandomStream("generate");

/** Settings that determine the continuation. */
export type Continuation = Pick<
  GenerateSettings,
  "temperature" | "topK" | "topP" | "seed" | "unk"
>;

/** Texts that are generated together. A text depends on its own number, not on the others. */
export interface Texts {
  /** The number of the first. */
  readonly first: number;
  readonly count: number;
}

/**
 * Generates ids after `prompt`, one per text at a time, without end. The caller stops when the texts have
 * ended.
 *
 * @param prompt The ids of all texts so far, the mark at the start included.
 */
export async function* continuations(
  gpu: Gpu,
  model: WordModel,
  prompt: readonly number[],
  texts: Texts,
  settings: Continuation,
): AsyncGenerator<Uint32Array> {
  using carried = new CarriedStates();
  const B = texts.count, { seed, topK, topP } = settings;
  const draw = topK === null && topP === null ? amongAll : amongBest;
  /** Reads these words [B]; returns the criterion's input. */
  const read = (step: Step, ids: Uint32Array): Tensor => {
    const before = carried.before({ batchSize: B, continues: true });
    const { context, states } = model.context(step, step.upload(ids, [1, B]), { states: before });
    carried.carry(step, states, true);
    return context;
  };
  for (const id of prompt.slice(0, -1)) {
    using step = gpu.step();
    read(step, new Uint32Array(B).fill(id));
    await gpu.keepUp();
  }
  let ids = new Uint32Array(B).fill(prompt.at(-1)!);
  for (let number = 0;; number++) {
    {
      using step = gpu.step({ seed, number });
      ids = await draw(gpu, step, model, read(step, ids), texts, settings);
    }
    yield ids;
  }
}

/** Draws the ids [B] that follow the contexts of B texts. */
type Draw = (
  gpu: Gpu,
  step: Step,
  model: WordModel,
  context: Tensor,
  texts: Texts,
  settings: Continuation,
) => Promise<Uint32Array<ArrayBuffer>>;

/** From all words. */
const amongAll: Draw = async (gpu, step, { criterion }, context, texts, { temperature, unk }) => {
  const { first, count } = texts;
  const scorer = criterion.scoreAllClasses!(step, context);
  // A second word, drawn without the first, replaces <unk>.
  const k = unk ? 1 : 2, options = { stream: STREAM, temperature, firstRow: first };
  const drawn = await gpu.read(drawClasses(step, scorer, k, options).ids);
  return Uint32Array.from({ length: count }, (_, n) => {
    const id = drawn[n * k]!;
    return id === UNK && !unk ? drawn[n * k + 1]! : id;
  });
};

/** From the scores of the best words, picked on the CPU. */
const amongBest: Draw = async (gpu, step, { criterion }, context, { first, count }, settings) => {
  const { topK, topP, seed, unk } = settings;
  const k = Math.min(criterion.noise.numClasses, (topK ?? MAX_BEST) + (unk ? 0 : 1));
  const best = criterion.topK(step, k, context);
  const logTotals = topP === null ? undefined : await lnSums(gpu, step, criterion, context, unk);
  const ids = await gpu.read(best.ids), scores = await gpu.readFloats(best.scores);
  return Uint32Array.from({ length: count }, (_, n) => {
    const candidates = Array.from({ length: k }, (_, i) => {
      return { id: ids[n * k + i]!, score: scores[n * k + i]! };
    }).filter(({ id }) => unk || id !== UNK);
    const random = new Philox(seed, streamOf(`${STREAM.name}.${first + n}`), step.number);
    return pick(candidates, logTotals?.[n] ?? 0, settings, random.uniform());
  });
};

/** ln of the sum of exp(score) over the words that may come, for each context. */
async function lnSums(
  gpu: Gpu,
  step: Step,
  criterion: WordModel["criterion"],
  context: Tensor,
  unk: boolean,
): Promise<Float32Array> {
  const rows = context.size / context.shape.at(-1)!;
  const unknown = step.upload(new Uint32Array(rows).fill(UNK));
  const { score, logZ } = criterion.ceLoss(step, unknown, context);
  const all = await gpu.readFloats(logZ);
  if (unk) return all;
  const unkScores = await gpu.readFloats(score);
  return all.map((z, n) => z + Math.log1p(-Math.min(1, Math.exp(unkScores[n]! - z))));
}
