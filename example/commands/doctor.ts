/** `doctor`: looks at data, settings and machine before hours are spent on a training run. */

import type { Gpu } from "../../mod.ts";
import { checkFolder, type Corpus, loadCorpus } from "../data/corpus.ts";
import { Epochs, evaluationBatches } from "../data/batches.ts";
import { boundsOf, fullest, largestShape } from "../model/checks.ts";
import { batchNeeds, isMet } from "../model/needs.ts";
import { fileFindings } from "../doctor/files.ts";
import { attempted, type Finding, graded, warned } from "../doctor/finding.ts";
import { machineFindings, processors } from "../doctor/machine.ts";
import { memoryFindings } from "../doctor/memory.ts";
import { noiseFindings } from "../doctor/noise.ts";
import { lossFact, measurePace, paceFact, TRIAL_MS } from "../doctor/probe.ts";
import { counted, findingsJson, printFindings } from "../doctor/report.ts";
import { gradientFact, measureGradient } from "../doctor/gradient.ts";
import { vocabularyFindings } from "../doctor/vocabulary.ts";
import { isSynthetic, MODEL_FOLDER, type Settings } from "../options/settings.ts";
import { graphicsDevices } from "../shared/adapter.ts";
import { Failure } from "../shared/errors.ts";
import { checkWritable, isFile, isFolder } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { Bar } from "../shared/progress.ts";
import { makeModel } from "../storage/checkpoint.ts";
import { openCheckpoint } from "../storage/checkpoint_file.ts";
import { lockModel } from "../storage/lock.ts";
import { modelPath } from "../storage/open_model.ts";
import { keptTuning } from "../storage/tunings.ts";
import { dryRun } from "../training/dry_run.ts";
import { Trainer } from "../training/trainer.ts";
import { checkSizes } from "./job.ts";
import { openGpu } from "./open_gpu.ts";
import { checkSamples, warnOfSamples } from "./samples.ts";

/**
 * Prints what it finds of a training run with these settings. Nothing is written.
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
  const findings = await examine(settings, io, trialMs);
  if (json) io.write(`${findingsJson(findings)}\n`);
  else printFindings(findings, settings.quiet, { ...io, out: io.result });
  const { stop } = counted(findings);
  if (stop > 0) throw new Failure(`${stop} of these findings would stop the run`);
}

/** The findings so far. */
class Examination {
  readonly findings: Finding[] = [];
  /** Milliseconds of the parts so far that a run has, too. */
  startMs = 0;

  /** Does a part of a run; undefined if the run would be refused there. */
  async part<T>(
    subject: Finding["subject"],
    name: string,
    part: () => T | Promise<T>,
  ): Promise<T | undefined> {
    const begin = performance.now(), outcome = await attempted({ subject, name }, part);
    this.startMs += performance.now() - begin;
    if ("value" in outcome) return outcome.value;
    this.findings.push(outcome.stop);
    return undefined;
  }

  get isStopped(): boolean {
    return this.findings.some(({ grade }) => grade === "stop");
  }
}

/** Goes through a run in its own order; what needs an earlier part is left out where that fails. */
async function examine(
  settings: Settings,
  io: Io,
  trialMs: number,
): Promise<readonly Finding[]> {
  const seen = new Examination(), corpus = await readText(settings, seen, io);
  await checkFiles(settings, seen);
  if (corpus !== undefined) await checkSettings(settings, corpus, seen);
  await using gpu = await seen.part("machine", "adapter", () => openGpu(settings));
  if (gpu === undefined) return seen.findings;
  if (settings.autotune) gpu.tuning = keptTuning(gpu) ?? gpu.tuning;
  seen.findings.push(...machineFindings(gpu, graphicsDevices(), processors()));
  if (corpus === undefined || seen.isStopped) return seen.findings;
  const epochs = new Epochs(corpus.train, settings);
  await seen.part("memory", "sizes", () => checkSizes({ gpu, settings, corpus, epochs }));
  if (seen.isStopped) return seen.findings;
  const trial = { gpu, settings, corpus, epochs, io, trialMs };
  await seen.part("memory", "step", () => tryRun(trial, seen));
  return seen.findings;
}

/** Looks at the text and reads it. */
async function readText(
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
  const corpus = await seen.part("data", "text", () => loadCorpus(settings, io));
  if (corpus !== undefined) seen.findings.push(...vocabularyFindings(corpus));
  return corpus;
}

/** Whether the run could write its files, and what is there. The folder is not made. */
async function checkFiles({ save, resume, ...others }: Settings, seen: Examination) {
  const path = modelPath(save), isThere = isFile(path);
  if (resume) {
    await seen.part("settings", "checkpoint", () => {
      openCheckpoint({ save, resume, ...others })?.[Symbol.dispose]();
    });
  }
  const isWritable = await seen.part("settings", "files", () => {
    if (!isFolder(MODEL_FOLDER)) return true;
    using _lock = lockModel(save);
    checkWritable(path);
    return true;
  });
  if (isWritable === undefined) return;
  const text = isThere && !resume
    ? `${path} is there: training replaces it, and keeps it as ${modelPath(`${save}.previous`)}`
    : `${path} can be written`;
  seen.findings.push({ subject: "settings", name: "files", grade: "fine", text });
}

/** What a run checks once the number of words is known. */
async function checkSettings(settings: Settings, corpus: Corpus, seen: Examination) {
  const about = { subject: "settings", name: "samples" } as const;
  const warnings: Finding[] = [];
  const err = (line: string) => void warnings.push(warned(about, line));
  await seen.part("settings", "samples", () => {
    warnOfSamples(settings, corpus.vocabulary.size, { err });
    checkSamples(settings, corpus, { err });
  });
  seen.findings.push(...warnings);
}

/** What a trial of the run needs. */
interface Trial {
  readonly gpu: Gpu;
  readonly settings: Settings;
  readonly corpus: Corpus;
  readonly epochs: Epochs;
  readonly io: Io;
  readonly trialMs: number;
}

/** Makes the model and trains it for some seconds. */
async function tryRun(
  { gpu, settings, corpus, epochs, io, trialMs }: Trial,
  seen: Examination,
): Promise<void> {
  const { vocabulary, train, valid } = corpus, begin = performance.now();
  const batches = epochs.at(1);
  using model = makeModel(gpu, settings, vocabulary);
  const parameters = gpu.memory.bytes;
  using trainer = new Trainer(gpu, model, settings);
  const kept = gpu.memory.bytes;
  await dryRun(gpu, model, batches, evaluationBatches(valid));
  const startMs = seen.startMs + performance.now() - begin;
  const { tokens } = batches.at(Math.floor(batches.length / 2)), { noise } = model.criterion;
  seen.findings.push(...noiseFindings(noise, settings, vocabulary.counts, tokens));
  using bar = io.error.isTerminal ? new Bar(io.error, "trying", trialMs) : undefined;
  const onSpent = (ms: number) => bar?.step(ms);
  const probe = { gpu, model, trainer, corpus, settings, startMs, trialMs, onSpent };
  const pace = await measurePace(probe), { peakBytes: peak } = gpu.memory;
  const shape = largestShape(train, batches.largest(), settings.concat);
  const bounds = boundsOf(gpu, vocabulary.size);
  // Negative sampling does not follow the exact gradient.
  if (settings.loss !== "full" && settings.loss !== "neg") {
    const fits = (noiseRatio: number) =>
      batchNeeds({ ...settings, noiseRatio }, bounds, shape, true).every(isMet);
    const found = await measureGradient(gpu, model, batches.largest(), settings, fits);
    seen.findings.push(graded(gradientFact(found, settings)));
  }
  seen.findings.push(
    ...memoryFindings(gpu, { parameters, kept, peak }, fullest(settings, bounds, shape)),
    graded(lossFact(pace, settings, vocabulary.size)),
    graded(paceFact(pace, settings)),
  );
}
