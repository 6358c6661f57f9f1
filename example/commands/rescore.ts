/** `rescore`: reranks n-best lists with one or several language models, and counts word errors. */

import { inputName } from "../data/input.ts";
import { spellingWarning } from "../data/unknown.ts";
import { UNK } from "../data/vocab.ts";
import { type Given, readOptions } from "../options/option.ts";
import { scoringText } from "../options/evaluation_kind.ts";
import { RESCORE, type RescoreSettings, type System, systemsOf } from "../options/rescore.ts";
import { type Contest, type Result, scoresOf } from "../rescoring/contest.ts";
import { jsonLine } from "../rescoring/json_lists.ts";
import type { Hypothesis, NBestList } from "../rescoring/nbest.ts";
import { areGiven, split } from "../rescoring/parts.ts";
import { checkListOutput, readLists, readReferences, writeLists } from "../rescoring/read_lists.ts";
import { best, searchWeights, totals, type Weights } from "../rescoring/weights.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import { checkWritable } from "../shared/files.ts";
import { formatCount, labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import { errorBar } from "../shared/progress.ts";
import { findModel, type FoundModel } from "../storage/open_model.ts";
import { withScorer } from "./open_scorer.ts";
import { reportLines, TRUTH, type UnknownWords } from "./rescore_report.ts";

/** Names of the table rows that need no model. */
const FIRST = "first-best", ORACLE = "oracle";
/** Number of sentences scored at a time. */
const WINDOW = 4096;

/** A system and its opened model. */
interface FoundSystem extends System {
  readonly found: FoundModel;
}

/** A model's score for a hypothesis. */
type Scores = (hypothesis: Hypothesis) => number;

/**
 * Rescores lists.
 *
 * @param words The models, and the file or folder of lists; standard input if that is missing or `-`.
 * @throws {UsageError} If a model or a file is missing, a weight that cannot be tuned is not given, or `--out`
 *   would replace what is read or what is no such list.
 * @throws {Failure} If one of them cannot be used.
 */
export async function rescore(words: readonly string[], given: Given, io: Io): Promise<void> {
  const settings = readOptions(RESCORE, given), [word = "", path = "-"] = words;
  const systems = systemsOf(word, settings.mode)
    .map((system): FoundSystem => ({ ...system, found: findModel(system.model) }));
  const names = systems.map(({ model, mode }) => `${model}:${scoringText(mode)}`);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new UsageError(`The system ${twice} is named twice: name it once`);
  const isDevGiven = given["dev"] !== undefined;
  if (isDevGiven && areGiven(settings)) {
    throw new UsageError(
      `--dev ${settings.dev} has no effect with --lm-weight and --word-penalty: leave it out`,
    );
  }
  if (settings.out !== null && systems.length > 1) {
    throw new UsageError(`--out writes the lists of one model, and ${systems.length} are given`);
  }
  const read = await readLists(path, settings.format);
  if (settings.out !== null) {
    const models = systems.map(({ found }) => found.path);
    const inputs = [path, settings.ref, settings.dev, ...models]
      .filter((input) => typeof input === "string");
    checkWritable(checkListOutput(settings.out, read, read.lists.map(({ id }) => id), inputs));
  }
  const own = await readDevLists(settings);
  const all = await withReferences([...own, ...read.lists], settings, io);
  const lists = all.slice(own.length);
  warnOfCommon(own, read.lists, io);
  checkOldScores(own, settings, String(settings.dev));
  checkOldScores(lists, settings, inputName(path));
  const { dev, test } = split(all.slice(0, own.length), lists, settings, isDevGiven);
  const results: Result[] = [], unknown = systems.map((system) => countUnknown(system, lists));
  for (const counts of unknown) {
    const warning = spellingWarning(counts.model, "the lists", counts);
    if (warning !== undefined) io.err(warning);
  }
  const weightsOf: Record<string, Weights> = {};
  if (test) results.push(test.judge(FIRST, test.lists.map(() => 0), []));
  for (const system of systems) {
    const { scores, seconds } = await scoreLists(system, all, settings, io);
    const lm = interpolated(scores, settings);
    const weights = dev
      ? searched(dev, lm, settings)
      : { lm: settings.lmWeight!, penalty: settings.wordPenalty ?? 0 };
    weightsOf[system.name] = weights;
    if (test) {
      const chosen = choose(test, lm, weights);
      const versus = results.slice(0, 2).map((result) => result.system);
      results.push(test.judge(system.name, chosen, versus, { weights, seconds }));
    }
    if (settings.out !== null) {
      writeLists(settings.out, { ...read, lists: lists.map((list) => sorted(list, lm, weights)) });
      io.error.out(labelled("wrote", settings.out));
    }
  }
  if (test) results.push(...limits(test));
  const counts = {
    lists: lists.length,
    hypotheses: lists.reduce((sum, { hypotheses }) => sum + hypotheses.length, 0),
    dev: dev?.lists.length ?? 0,
    test: test?.lists.length ?? 0,
    words: test?.words ?? 0,
    unknown,
    ...!test && { weights: weightsOf },
  };
  io.write(reportLines(counts, results, settings).map((line) => `${line}\n`).join(""));
}

/** Adds the references to the lists, where they are known. */
async function withReferences(
  lists: readonly NBestList[],
  { ref }: RescoreSettings,
  io: Io,
): Promise<readonly NBestList[]> {
  if (ref === null) return lists;
  const ids = new Set<string>(), both = lists.find(({ id }) => ids.size === ids.add(id).size);
  if (both !== undefined) {
    throw new Failure(
      `Cannot use --ref ${ref}: ${both.id} is in the lists and in those of --dev; give lists of other utterances`,
    );
  }
  const references = await readReferences(ref, ids);
  const [more, ...others] = [...references.keys()].filter((id) => !ids.has(id));
  if (more !== undefined) {
    const rest = others.length > 0 ? ` and ${formatCount(others.length)} more` : "";
    io.err(
      `warning: --ref ${ref} also has ${more}${rest} without a list: their errors are not counted`,
    );
  }
  return lists.map((list) => {
    const reference = references.get(list.id);
    if (reference !== undefined) return { ...list, reference };
    throw new Failure(`Cannot use --ref ${ref}: it has no utterance ${list.id}`);
  });
}

function checkOldScores(
  lists: readonly NBestList[],
  { interpolate }: RescoreSettings,
  path: string,
): void {
  if (interpolate === 1) return;
  const without = lists.find(({ hypotheses }) => hypotheses.some(({ lm }) => lm === undefined));
  if (without === undefined) return;
  throw new Failure(
    `Cannot use --interpolate ${interpolate}: a hypothesis of ${without.id} in ${path} has no ` +
      "language score",
  );
}

/** The lists of `--dev PATH`; none without it. */
async function readDevLists(settings: RescoreSettings): Promise<readonly NBestList[]> {
  const { dev, format } = settings;
  if (typeof dev === "number") return [];
  return (await readLists(dev, format)).lists;
}

/** Warns of lists that weights are searched on and errors are counted on. */
function warnOfCommon(own: readonly NBestList[], lists: readonly NBestList[], io: Io): void {
  if (own.length === 0) return;
  const known = new Set(own.map(jsonLine)),
    common = lists.filter((list) => known.has(jsonLine(list)));
  if (common.length === 0) return;
  io.err(
    `warning: ${formatCount(common.length)} of ${
      formatCount(lists.length)
    } lists are in --dev, too: ` +
      "errors are counted on what the weights were searched on, and look too few",
  );
}

/** The words of all hypotheses, and how many of them the model does not know. */
function countUnknown(
  { model, found: { vocabulary } }: FoundSystem,
  lists: readonly NBestList[],
): UnknownWords {
  let words = 0, unknown = 0;
  for (const hypothesis of lists.flatMap(({ hypotheses }) => hypotheses)) {
    words += hypothesis.words.length;
    for (const id of vocabulary.encode(hypothesis.words)) if (id === UNK) unknown++;
  }
  return { model, words, unknown };
}

/** Scores all hypotheses with a model; identical ones once. */
async function scoreLists(
  { name, mode, found }: FoundSystem,
  lists: readonly NBestList[],
  { cuda }: RescoreSettings,
  io: Io,
): Promise<{ scores: Scores; seconds: number }> {
  const keyOf = (words: readonly string[]) => words.join(" ");
  const sentences = new Map(
    lists.flatMap(({ hypotheses }) => hypotheses.map(({ words }) => [keyOf(words), words])),
  );
  const all = [...sentences.values()], scores = new Map<string, number>();
  let seconds = 0;
  await withScorer(found, { mode, cuda }, io, async (scorer) => {
    const start = performance.now();
    using bar = errorBar(io, `scoring ${name}`, all.length);
    for (let at = 0; at < all.length; at += WINDOW) {
      const window = all.slice(at, at + WINDOW);
      const onPart = (part: number) => bar?.step(part * window.length);
      (await scorer.score(window, onPart))
        .forEach(({ logProb }, i) => scores.set(keyOf(window[i]!), logProb));
    }
    seconds = (performance.now() - start) / 1000;
  });
  return { scores: ({ words }) => scores.get(keyOf(words))!, seconds };
}

/** The language score: the model's, interpolated with the old one. */
function interpolated(scores: Scores, { interpolate }: RescoreSettings): Scores {
  if (interpolate === 1) return scores;
  return (hypothesis) => interpolate * scores(hypothesis) + (1 - interpolate) * hypothesis.lm!;
}

function searched(dev: Contest, lm: Scores, { lmWeight, wordPenalty }: RescoreSettings): Weights {
  return searchWeights(dev.scores(lm), {
    ...(lmWeight !== null && { lm: lmWeight }),
    ...(wordPenalty !== null && { penalty: wordPenalty }),
  });
}

/** The index of the best hypothesis in each list. */
function choose({ lists }: Contest, lm: Scores, weights: Weights): number[] {
  return lists.map((list) => best(scoresOf(list, lm), weights));
}

/** The list sorted best first, with the new language scores. */
function sorted(list: NBestList, lm: Scores, weights: Weights): NBestList {
  const scores = totals(scoresOf(list, lm), weights);
  const hypotheses = list.hypotheses
    .map((hypothesis, i) => ({
      total: scores[i]!,
      hypothesis: { ...hypothesis, lm: lm(hypothesis) },
    }))
    .sort((a, b) => b.total - a.total).map(({ hypothesis }) => hypothesis);
  return { ...list, hypotheses };
}

/** The limits: the true language's choice, and the best hypothesis of each list (the oracle). */
function limits(contest: Contest): Result[] {
  const isKnown = contest.lists.every(({ hypotheses }) =>
    hypotheses.every(({ truth }) => truth !== undefined)
  );
  const truth = () => choose(contest, ({ truth }) => truth!, { lm: 1, penalty: 0 });
  return [
    ...isKnown ? [contest.judge(TRUTH, truth(), [FIRST])] : [],
    contest.judge(ORACLE, contest.oracle(), []),
  ];
}
