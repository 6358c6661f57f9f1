/** `generate`: generates text with a model. */

import { openInput } from "../data/input.ts";
import { BOS, UNK, type Vocabulary } from "../data/vocab.ts";
import { splitWords, withoutMarks } from "../data/words.ts";
import { continuations, type Texts } from "../generation/continuations.ts";
import { Printer } from "../generation/printer.ts";
import { checkChoice, GENERATE, type GenerateSettings } from "../options/generate.ts";
import { type Given, readOptions } from "../options/option.ts";
import { Failure } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";
import { type LoadedModel, loadModel } from "../storage/saved_model.ts";
import { findModel } from "../storage/open_model.ts";
import type { Gpu } from "../../mod.ts";
import { openGpu, warnOfAdapter } from "../storage/open_gpu.ts";

/** Number of texts generated side by side. */
const MAX_TEXTS = 64;

/**
 * Continues a prompt, or each line of standard input, with generated text.
 *
 * @param words The model, and the prompt if there is one.
 * @throws {UsageError} If there is no such model, or options are in conflict.
 * @throws {Failure} If the model or standard input cannot be used.
 */
export async function generate(words: readonly string[], given: Given, io: Io): Promise<void> {
  const settings = readOptions(GENERATE, given), [word = "", prompt] = words;
  checkChoice(settings);
  const { path, settings: own, vocabulary } = findModel(word);
  if (own.loss === "neg") {
    throw new Failure(
      `Cannot generate by ${path}: it was trained by --loss neg, and its scores are no probabilities`,
    );
  }
  await using gpu = await openGpu(settings);
  warnOfAdapter(gpu, io);
  const loaded = loadModel(gpu, path, vocabulary);
  using _model = loaded.model;
  let first = 0;
  for await (const line of promptsOf(prompt)) {
    const words = withoutMarks(splitWords(line));
    tellUnknown(words, loaded.vocabulary, io);
    for (let left = settings.count; left > 0; left -= MAX_TEXTS) {
      const texts = { first, count: Math.min(MAX_TEXTS, left) };
      await continueTexts(gpu, loaded, words, texts, settings, io);
      first += texts.count;
    }
  }
}

/** The given prompt, or the lines of standard input, or an empty prompt if there are none. */
async function* promptsOf(prompt: string | undefined): AsyncGenerator<string> {
  let isEmpty = true;
  if (prompt === undefined && !Deno.stdin.isTerminal()) {
    for await (const lines of openInput().lines()) {
      isEmpty = false;
      yield* lines;
    }
  }
  if (isEmpty) yield prompt ?? "";
}

/** A warning if the model does not know some words of a prompt. */
function tellUnknown(words: readonly string[], vocabulary: Vocabulary, io: Io): void {
  const ids = vocabulary.encode(words), mark = vocabulary.word(UNK);
  const unknown = new Set(words.filter((word, i) => ids[i] === UNK && word !== mark));
  if (unknown.size === 0) return;
  const names = [...unknown].map((word) => JSON.stringify(word)).join(", ");
  io.err(`warning: the model does not know ${names} and reads ${mark}`);
}

/** Generates and prints continuations of a prompt. */
async function continueTexts(
  gpu: Gpu,
  { model, vocabulary }: LoadedModel,
  words: readonly string[],
  texts: Texts,
  settings: GenerateSettings,
  io: Io,
): Promise<void> {
  const printer = new Printer(io, words, texts.count, settings.json);
  const prompt = [BOS, ...vocabulary.encode(words)];
  let length = 0;
  for await (const ids of continuations(gpu, model, prompt, texts, settings)) {
    printer.push(Array.from(ids, (id) => id === BOS ? undefined : vocabulary.word(id)));
    if (++length === settings.length) printer.cut();
    if (printer.isDone) break;
  }
}
