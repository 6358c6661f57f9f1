/**
 * Ranks against one: trains the same steps with one, two and three ranks in this process and prints the largest
 * difference of a parameter or a moment, for each loss, source of noise and module: with whole tables, and with
 * tables divided among the ranks (--shard-tables); and, to compare, that of one rank with the kernels of the
 * other family. `deno run bench/ranks.ts [STEPS]`
 *
 * --per-word differs most, by 5e-6 to 7e-6 after 50 steps at this rate, and below 2e-6 at a fifth of it: a frequent
 * word's gradient is the sum of a thousand terms that nearly cancel, which two ranks round in another order.
 */

import { openGpu } from "../example/storage/open_gpu.ts";
import { trainingBatches } from "../example/data/batches.ts";
import { type Corpus, loadCorpus } from "../example/data/corpus.ts";
import { Losses } from "../example/evaluation/losses.ts";
import { INDEX_MODULES, isFromBatch, LOSSES, NOISES } from "../example/options/choices.ts";
import type { Given } from "../example/options/option.ts";
import { parseSettings } from "../example/options/settings.ts";
import { joinRows, Ranks, shardOf } from "../example/shared/ranks.ts";
import { makeModel } from "../example/model/make_model.ts";
import { Trainer } from "../example/training/trainer.ts";
import { type Communicator, ranksInProcess } from "../kernels/mod.ts";
import { Gpu, type Tensor } from "../mod.ts";

/** What a rank has after training. */
export interface Trained {
  /** Mean loss of all steps. */
  readonly loss: number;
  /** All parameters and moments by name. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/**
 * What ranks in this process, one for each device, have after `steps` steps. With `--sync-every` they come
 * together after each.
 */
export async function trainInProcess(
  gpus: readonly Gpu[],
  corpus: Corpus,
  given: Given,
  steps: number,
): Promise<Trained[]> {
  const settings = parseSettings({ ...given, train: true, distributed: true });
  return await Promise.all(
    ranksInProcess(gpus.length).map(async (communicator, rank) => {
      const gpu = gpus[rank]!;
      const shard = shardOf(settings, communicator, corpus.vocabulary.size);
      using model = makeModel(gpu, settings, corpus.vocabulary, shard);
      using trainer = new Trainer(gpu, model, settings, new Ranks(communicator));
      using losses = new Losses(gpu);
      let done = 0;
      for (let epoch = 1; done < steps; epoch++) {
        const batches = trainingBatches(corpus.train, settings, epoch);
        for (let i = 0; i < batches.length && done < steps; i++, done++) {
          await trainer.step(batches.at(i), losses, batches.continues && i + 1 < batches.length);
          await trainer.sync();
        }
      }
      // To read a parameter applies what is deferred.
      await Promise.all(model.parameters().map(([, parameter]) => gpu.readFloats(parameter)));
      using state = trainer.optimizer.state();
      const kept = state.tensors.filter(([, { dtype }]) => dtype !== "u32");
      // All are read at once, as each reading waits for the GPU.
      const own = await Promise.all(kept.map(([, tensor]) => gpu.readFloats(tensor)));
      const tensors = new Map<string, Float32Array>();
      for (const [i, [name, tensor]] of kept.entries()) {
        tensors.set(name, await wholeOf(communicator, tensor, own[i]!));
      }
      const { sum, tokens } = await losses.take();
      return { loss: sum / tokens, tensors };
    }),
  );
}

/** The numbers of a tensor, of which this rank has its `own`: all of them, or rows of a table that is divided. */
async function wholeOf(
  communicator: Communicator,
  tensor: Tensor,
  own: Float32Array,
): Promise<Float32Array> {
  const { shard } = tensor;
  if (!shard) return own;
  return joinRows(await communicator.gather(own), shard.rows, tensor.size / tensor.shape[0]!);
}

/** The largest difference of any number, and where it is. */
export function largestDifference(a: Trained, b: Trained): { most: number; where: string } {
  let worst = { most: 0, where: "" };
  for (const [name, numbers] of a.tensors) {
    const others = b.tensors.get(name)!;
    numbers.forEach((x, i) => {
      const difference = Math.abs(x - others[i]!);
      if (!(difference <= worst.most)) worst = { most: difference, where: `${name}[${i}]` };
    });
  }
  return worst;
}

/** Each loss with each source of noise, where it has an effect, and each module; and other ways to train. */
export function cases(): Given[] {
  const all: Given[] = [];
  for (const module of INDEX_MODULES) {
    for (const loss of LOSSES) {
      for (const noise of NOISES) {
        if (loss === "full" && noise !== "unigram") continue;
        all.push({ loss, "index-module": module, ...noise !== "unigram" && { noise } });
        if (loss === "full" || isFromBatch(noise)) continue;
        if (noise === "unigram") all.push({ loss, "index-module": module, "per-word": true });
      }
    }
    for (const loss of ["nce", "full"]) {
      all.push({ loss, "index-module": module, "norm-term": "learned", "self-norm": "0.1" });
    }
    all.push({ "loss": "sampled", "index-module": module, "unique": true, "noise-ratio": "20" });
    all.push({ "loss": "sampled", "index-module": module, "remove-hits": true });
  }
  return [
    ...all,
    { "loss": "nce", "concat": true, "carry-state": true, "bptt": "8" },
    { "loss": "full", "concat": true, "bptt": "8", "batch-size": "3" },
    { "loss": "nce", "optimizer": "adam", "lr": "0.005" },
    { "loss": "nce", "optimizer": "adagrad", "lr": "0.02" },
  ];
}

/** A model of odd sizes, so that no row of a tensor is a whole number of vectors. */
export const SMALL: Given = { "emsize": "13", "nhid": "11", "dropout": "0.3", "lr": "0.5" };

const DIVIDED: Given = { "shard-tables": true };

if (import.meta.main) {
  const gpus = await Promise.all([1, 2, 3].map(() => openGpu()));
  const hardware = await Gpu.create({ family: "hardware" });
  const steps = Number(Deno.args[0] ?? 50);
  const corpus = await loadCorpus({ data: "synthetic:words=3000,vocab=120" });
  console.log(
    "| case | 2 ranks | 3 ranks | 2 divided | 3 divided | other kernels | ranks equal |\n" +
      "| --- | --: | --: | --: | --: | --: | --- |",
  );
  for (const given of cases()) {
    const train = (size: number, more: Given = {}) =>
      trainInProcess(gpus.slice(0, size), corpus, { ...SMALL, ...given, ...more }, steps);
    const [one] = await train(1);
    const [other] = await trainInProcess([hardware], corpus, { ...SMALL, ...given }, steps);
    const columns = [], equal = [];
    for (const [size, isDivided] of [[2, false], [3, false], [2, true], [3, true]] as const) {
      if (isDivided && given["loss"] === "full") {
        columns.push(""); // refused
        continue;
      }
      const all = await train(size, isDivided ? DIVIDED : {});
      columns.push(largestDifference(all[0]!, one!).most.toExponential(1));
      equal.push(all.every((rank) => largestDifference(rank, all[0]!).most === 0));
    }
    columns.push(largestDifference(other!, one!).most.toExponential(1));
    const name = Object.entries(given).map(([key, value]) => `--${key} ${value}`).join(" ");
    console.log(`| ${[name, ...columns, equal.every(Boolean) ? "yes" : "NO"].join(" | ")} |`);
  }
}
