/**
 * A two-tower recommender over as many items as memory holds: each item has a vector of its own, and the noise
 * of a target is the other targets of its batch (in-batch negatives, corrected by - ln q). No step costs more
 * because there are more items.
 */

import { format as formatBytes } from "@std/fmt/bytes";
import { Philox } from "../../kernels/random/mod.ts";
import { BatchNoise, type Gpu, IndexLinear, type TensorData } from "../../mod.ts";
import { Adagrad } from "../../nce/nn/mod.ts";
import { shuffle, upTo } from "../data/shuffle.ts";
import { describeNeeds, type MemoryNeeds, totalBytes } from "../model/memory.ts";
import { Failure } from "../shared/errors.ts";
import type { Catalogue } from "./catalogue.ts";
import type { MarketSizes } from "./market.ts";
import { HIDDEN, UserTower } from "./user_tower.ts";

/** The learning rate at the start of training; it falls to 0. */
const LEARNING_RATE = 0.3;
/** Streams of random numbers: purchases, and the users that recall is measured on. */
const STREAM = { purchases: 0x5245434f, sample: 0x52454350 } as const;

/** How a model is trained and tested. */
export interface LargeTraining {
  /** E, the size of the vectors of users and items. */
  readonly dim: number;
  /** Number of steps. */
  readonly steps: number;
  /** N, the number of targets in a step. */
  readonly batch: number;
  /** Number of kinds of users on which recall is measured. */
  readonly sample: number;
  /** Number of items that a user is shown. */
  readonly shown: number;
}

/** Recall over a sample of users. */
export interface Recall {
  /** Mean fraction of a user's most probable items that are among those shown. */
  readonly mean: number;
  /** Standard error of the mean; 0 if the sample is all kinds of users, NaN of a single one. */
  readonly error: number;
}

/** Bytes on the GPU of a model of `items` items: its vectors and biases, Adagrad's squares, and ln q. */
export function memoryOfItems(
  items: number,
  { ages, regions }: Pick<MarketSizes, "ages" | "regions">,
  dim: number,
): MemoryNeeds {
  const tower = HIDDEN * (ages + regions) + (HIDDEN + 1) * dim;
  const tables = 4 * (items * (dim + 1) + tower);
  return { tables, moments: tables, noise: 4 * items, outer: 0, gradients: 0, scores: 0 };
}

/** Bytes an item that the program holds while a model is made, as measured: copies of q and ln q. */
const HOST_BYTES = 80;

/** What a model needs, in words. */
export function describeItems(
  gpu: Pick<Gpu, "maxTensorBytes">,
  items: number,
  dim: number,
  needs: MemoryNeeds,
): string {
  const buffers = Math.ceil(4 * items * dim / gpu.maxTensorBytes);
  const held = buffers > 1 ? `; the vectors lie in ${buffers} buffers or more` : "";
  const host = formatBytes(HOST_BYTES * items);
  return `${describeNeeds(needs)}${held}; and about ${host} in the program`;
}

/**
 * Checks that there is memory for a model.
 *
 * @param has Bytes of free memory, if that is known.
 * @throws {Failure} If there is less than it needs.
 */
export function checkItems(items: number, needs: MemoryNeeds, has: number | undefined): void {
  const needed = totalBytes(needs) + HOST_BYTES * items;
  if (has === undefined || needed <= has) return;
  throw new Failure(
    `Cannot hold ${items} items: that takes ${formatBytes(needed)}, but ${formatBytes(has)} are ` +
      "free; give fewer --items or a smaller --dim",
  );
}

/** What a recommender, or a baseline, reached. */
export interface LargeOutcome {
  /** The way of choosing items. */
  readonly name: string;
  /** How many of the best items it shows. */
  readonly recall: Recall;
  /** Milliseconds of a training step, if there was training. */
  readonly stepMs?: number;
}

/** Blind choice, the most popular items for everybody, and a trained model. */
export async function* recommendLarge(
  gpu: Gpu,
  catalogue: Catalogue,
  training: LargeTraining,
): AsyncGenerator<LargeOutcome> {
  const { shown, sample } = training, { items, market } = catalogue;
  const users = sampleOf(market.users, Math.min(sample, market.users));
  const recall = (found: (i: number) => Iterable<number>) =>
    recallOf(
      market.users,
      Array.from(users, (user, i) => {
        const wanted = new Set(catalogue.best(user, shown));
        return new Set(found(i)).intersection(wanted).size / shown;
      }),
    );
  yield { name: "blind choice", recall: { mean: shown / items, error: 0 } };
  const popular = catalogue.mostPopular(shown);
  yield { name: "popularity alone", recall: recall(() => popular) };
  const { best, stepMs } = await train(gpu, catalogue, training, users);
  const found = (i: number) => best.subarray(i * shown, (i + 1) * shown);
  yield { name: "sampled, in-batch", recall: recall(found), stepMs };
}

/** Trains a model, and finds the items that it would show to each of `users`. */
async function train(
  gpu: Gpu,
  catalogue: Catalogue,
  { dim, steps, batch, shown }: LargeTraining,
  users: Uint32Array,
): Promise<{ best: TensorData; stepMs: number }> {
  using tower = new UserTower(gpu, catalogue.market.sizes, dim);
  using items = new IndexLinear(gpu, {
    embeddingDim: dim,
    numClasses: catalogue.items,
    noise: new BatchNoise(gpu, catalogue.popularity()),
    lossType: "sampled",
  });
  const parameters = [...tower.parameters(), ...items.parameters()];
  using optimizer = new Adagrad(gpu, parameters, { lr: LEARNING_RATE });
  const random = new Philox(1, STREAM.purchases);
  await gpu.finish();
  const start = performance.now();
  for (let number = 0; number < steps; number++) {
    {
      using step = gpu.step({ training: true, seed: 1, number });
      const { user, item } = catalogue.draw(batch, random);
      const x = tower.forward(step, tower.upload(step, user));
      optimizer.lr = LEARNING_RATE * (1 - number / steps);
      optimizer.step(step.backward(items.forward(step, step.upload(item), x)));
    }
    await gpu.keepUp();
  }
  await gpu.finish();
  const stepMs = (performance.now() - start) / steps;
  using step = gpu.step();
  const x = tower.forward(step, tower.upload(step, users));
  return { best: await gpu.read(items.topK(step, shown, x).ids), stepMs };
}

/** `count` different numbers below `all`, each set of them as likely as any other. */
function sampleOf(all: number, count: number): Uint32Array {
  return shuffle(upTo(all), new Philox(1, STREAM.sample)).subarray(0, count);
}

/** The mean of a sample that was drawn without replacement from `all` users. */
function recallOf(all: number, recalls: readonly number[]): Recall {
  const n = recalls.length, mean = recalls.reduce((sum, x) => sum + x, 0) / n;
  const squares = recalls.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  const error = n === all ? 0 : Math.sqrt((1 - n / all) * squares / (n - 1) / n);
  return { mean, error };
}
