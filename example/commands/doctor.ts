/** `doctor`: looks at data, settings and machine before hours are spent on a training run. */

import type { Gpu } from "../../mod.ts";
import { checkFolder, type Corpus, loadCorpus } from "../data/corpus.ts";
import { Epochs } from "../data/batches.ts";
import { checkWords } from "../data/unknown.ts";
import { boundsOf, fullest, largestShape } from "../model/checks.ts";
import type { WordModel } from "../model/model.ts";
import { batchNeeds, isMet } from "../model/needs.ts";
import { fileFindings } from "../doctor/files.ts";
import { attempted, type Finding, finding, type Subject, warned } from "../doctor/finding.ts";
import { machineFindings, processors } from "../doctor/machine.ts";
import { memoryFindings } from "../doctor/memory.ts";
import { networkFact, stepFact } from "../doctor/network.ts";
import { noiseFindings } from "../doctor/noise.ts";
import { lossFact, measurePace, type Pace, paceFact, TRIAL_MS } from "../doctor/probe.ts";
import { type Fellows, rankFindings, sameFindings, stopsOfOthers } from "../doctor/ranks.ts";
import { countByGrade, findingsJson, printFindings } from "../doctor/report.ts";
import { gradientFact, measureGradient } from "../doctor/gradient.ts";
import { vocabularyFindings } from "../doctor/vocabulary.ts";
import { isSynthetic } from "../options/choices.ts";
import type { Settings } from "../options/options.ts";
import { graphicsDevices } from "../shared/adapter.ts";
import { Failure } from "../shared/errors.ts";
import { isFile } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { freeMemory } from "../shared/memory.ts";
import { errorBar } from "../shared/progress.ts";
import { Ranks, shardOf } from "../shared/ranks.ts";
import { makeModel } from "../model/make_model.ts";
import { hashesOf, openCheckpoint } from "../storage/checkpoint.ts";
import { isOfNoEpoch } from "../storage/best_model.ts";
import { checkModelWritable } from "../storage/lock.ts";
import { modelPath } from "../storage/open_model.ts";
import { dryRun } from "../training/dry_run.ts";
import { commonOf } from "../training/train.ts";
import { Trainer } from "../training/trainer.ts";
import { checkSizes } from "./new_model.ts";
import { openGpu } from "../storage/open_gpu.ts";
import { startWeights, startWords } from "../storage/start.ts";
import { checkSamples } from "./samples.ts";

/** Milliseconds for messages between ranks, and for steps that they take together: parts of a trial. */
const NETWORK_PART = 0.1, STEPS_PART = 0.2;

/**
 * Prints what it finds of a training run with these settings. Nothing is written but a large text as
 * numbers, which the run then reads.
 *
 * @param trialMs Milliseconds of the trial by which the time is told.
 * @throws {Failure} If the run would be refused.
 */
export async function doctor(
  settings: Settings,
  json: boolean,
  io: Io,
  trialMs: number = TRIAL_MS,
): Promise<void> {
  if (!settings.distributed) return await doctorOf({ settings, io, trialMs }, json);
  const { asRank } = await import("./distributed.ts"); // loads a library of the system
  await asRank(settings, io, (mpi, io) => {
    const { library, host } = mpi, fellows = { ranks: new Ranks(mpi), library, host };
    return doctorOf({ settings, io, trialMs, fellows }, json);
  });
}

/** What is examined. */
interface Case {
  readonly settings: Settings;
  readonly io: Io;
  readonly trialMs: number;
  /** With `--distributed`: all of them examine it together, and rank 0 prints. */
  readonly fellows?: Fellows;
}

/** The same by one of several ranks, or by this process alone. */
export async function doctorOf(what: Case, json: boolean): Promise<void> {
  const { settings: { quiet }, io } = what, findings = await examine(what);
  if (json) io.write(`${findingsJson(findings)}\n`);
  else printFindings(findings, quiet, { ...io, out: io.result });
  const { stop } = countByGrade(findings);
  if (stop > 0) throw new Failure(`${stop} of these findings would stop the run`);
}

/** The findings so far. */
class Examination {
  readonly findings: Finding[] = [];
  /** Milliseconds of the parts so far that a run has, too. */
  startMs = 0;

  /** Does a part of a run; undefined if the run would be refused there. */
  async part<T>(
    subject: Subject,
    name: string,
    part: () => T | Promise<T>,
  ): Promise<T | undefined> {
    const begin = performance.now();
    const value = await attempted(this.findings, subject, name, part);
    this.startMs += performance.now() - begin;
    return value;
  }

  get isStopped(): boolean {
    return this.findings.some(({ grade }) => grade === "stop");
  }
}

/** Goes through a run in its own order; what needs an earlier part is left out where that fails. */
async function examine(what: Case): Promise<readonly Finding[]> {
  const { settings, io, fellows } = what, seen = new Examination();
  const corpus = await examineText(settings, seen, io);
  if (fellows?.ranks.isFirst ?? true) await checkFiles(settings, seen);
  if (corpus !== undefined) await checkSettings(settings, corpus, seen);
  await using gpu = await seen.part("machine", "adapter", () => openGpu(settings));
  if (gpu) seen.findings.push(...machineFindings(gpu, graphicsDevices(), processors()));
  const epochs = corpus && !seen.isStopped ? new Epochs(corpus.train, settings) : undefined;
  if (gpu && corpus && epochs) {
    const job = {
      gpu,
      settings,
      corpus,
      epochs,
      ...(fellows && { communicator: fellows.ranks.communicator }),
    };
    await seen.part("memory", "sizes", () => checkSizes(job));
  }
  if (fellows) seen.findings.push(...await stopsOfOthers(fellows.ranks, seen.findings));
  if (!gpu || !corpus || !epochs || seen.isStopped) return seen.findings;
  const trial = { ...what, gpu, corpus, epochs };
  if (!fellows) await seen.part("memory", "step", () => tryRun(trial, new Ranks(), seen));
  else await meet(trial, fellows, seen);
  return seen.findings;
}

/** Looks at the ranks, which go on together if they fit. A failure of one of them ends all. */
async function meet(trial: Trial, fellows: Fellows, seen: Examination): Promise<void> {
  const { gpu, settings, corpus, trialMs } = trial, { ranks, host } = fellows;
  const { cores } = processors(), { software } = gpu, devices = graphicsDevices();
  seen.findings.push(
    ...await rankFindings(fellows, { host, cores, software, devices }),
    ...await sameFindings(ranks, commonOf(gpu, settings, hashesOf(corpus))),
  );
  if (seen.isStopped) return;
  gpu.tuning = await ranks.fromFirst(gpu.tuning);
  if (ranks.communicator.size > 1) {
    seen.findings.push(await networkFact(ranks.communicator, NETWORK_PART * trialMs));
  }
  // With whole tables each rank tries the run by itself.
  await tryRun(trial, settings.shardTables ? ranks : new Ranks(), seen);
}

/** Looks at the text and reads it. */
async function examineText(
  settings: Settings,
  seen: Examination,
  io: Io,
): Promise<Corpus | undefined> {
  const { data } = settings;
  if (!isSynthetic(data)) {
    await seen.part("data", "folder", () => checkFolder(data));
    if (seen.isStopped) return undefined;
    seen.findings.push(...await fileFindings(data));
    if (seen.isStopped) return undefined;
  }
  const corpus = await seen.part(
    "data",
    "text",
    async () => {
      const corpus = await loadCorpus({ ...settings, words: startWords(settings) }, io);
      checkWords(settings, corpus);
      return corpus;
    },
  );
  if (corpus !== undefined) {
    seen.findings.push(...vocabularyFindings(corpus, settings.start !== null));
  }
  return corpus;
}

/** Whether the run could write its files, and what is there. */
async function checkFiles(settings: Settings, seen: Examination) {
  const { save, resume } = settings;
  const path = modelPath(save), isThere = isFile(path);
  if (resume) {
    await seen.part("settings", "checkpoint", () => {
      openCheckpoint(settings)?.[Symbol.dispose]();
    });
  }
  const isWritable = await seen.part("settings", "files", () => {
    checkModelWritable(save);
    return true;
  });
  if (isWritable === undefined) return;
  const kept = isOfNoEpoch(path) ? "" : `, and keeps it as ${modelPath(`${save}.previous`)}`;
  const text = isThere && !resume
    ? `${path} is there: training replaces it${kept}`
    : `${path} can be written`;
  seen.findings.push(finding("settings", "files", { text }));
}

/** What a run checks once the number of words is known. */
async function checkSettings(settings: Settings, corpus: Corpus, seen: Examination) {
  const warnings: Finding[] = [];
  const err = (line: string) => void warnings.push(warned("settings", "samples", line));
  await seen.part("settings", "samples", () => checkSamples(settings, corpus, { err }));
  seen.findings.push(...warnings);
}

/** What a trial of the run needs. */
interface Trial extends Case {
  readonly gpu: Gpu;
  readonly corpus: Corpus;
  readonly epochs: Epochs;
}

/** Makes the model and trains it for some seconds, `ranks` together. */
async function tryRun(trial: Trial, ranks: Ranks, seen: Examination): Promise<void> {
  const { gpu, settings, corpus, fellows } = trial, { vocabulary, train } = corpus;
  const begin = performance.now(), batches = trial.epochs.at(1);
  const shard = shardOf(settings, ranks.communicator, vocabulary.size);
  using model = makeModel(gpu, settings, vocabulary, shard);
  await startWeights(gpu, settings, model, vocabulary, fellows?.ranks.communicator);
  const parameters = gpu.memory.bytes;
  const { pace, kept, peak } = await paceOf(trial, ranks, model, begin - seen.startMs);
  const { tokens } = batches.at(Math.floor(batches.length / 2)), { noise } = model.criterion;
  seen.findings.push(...noiseFindings(noise, settings, vocabulary.counts, tokens));
  const shape = largestShape(train, batches.largest(), settings.concat);
  const bounds = boundsOf(gpu, vocabulary.size);
  // Negative sampling does not follow the exact gradient, which takes whole tables.
  if (settings.loss !== "full" && settings.loss !== "neg" && !shard) {
    const fits = (noiseRatio: number) =>
      batchNeeds({ ...settings, noiseRatio }, bounds, shape, true).every(isMet);
    const found = await measureGradient(gpu, model, batches.largest(), settings, fits);
    seen.findings.push(gradientFact(found, settings));
  }
  seen.findings.push(
    ...memoryFindings(
      { parameters, kept, peak },
      fullest(settings, bounds, shape),
      freeMemory(gpu),
    ),
    lossFact(pace, settings, vocabulary.size),
    paceFact(pace, settings),
  );
  if (!fellows || fellows.ranks.communicator.size === 1) return;
  const stepMs = pace.epochMs / batches.length, budgetMs = STEPS_PART * trial.trialMs;
  const together = { gpu, model, settings, batches, budgetMs, stepMs };
  seen.findings.push(await stepFact(fellows.ranks.communicator, together));
}

/** The pace of the run that began at `begin`, and the bytes that its trainer keeps and takes. */
async function paceOf(
  trial: Trial,
  ranks: Ranks,
  model: WordModel,
  begin: number,
): Promise<{ pace: Pace; kept: number; peak: number }> {
  const { gpu, settings, corpus, io, trialMs } = trial;
  using trainer = new Trainer(gpu, model, settings, ranks);
  const kept = gpu.memory.bytes;
  await dryRun({ ...trial, model, ranks });
  const startMs = performance.now() - begin;
  using bar = errorBar(io, "trying", trialMs);
  const onSpent = (ms: number) => bar?.step(ms);
  const probe = { gpu, model, trainer, corpus, settings, ranks, startMs, trialMs, onSpent };
  return { pace: await measurePace(probe), kept, peak: gpu.memory.peakBytes };
}
