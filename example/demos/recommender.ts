/**
 * A two-tower recommender: which of 100,000 items does a user take? The scorer is written here with the
 * public operations; losses and noise come from the library. The market is synthetic, so the best possible
 * result is known. With `--items` it is another one (large_recommender.ts), for as many as memory holds.
 *
 *     deno run example/demos/recommender.ts
 *     deno run example/demos/recommender.ts --items 10000000
 */

import { Philox } from "../../kernels/random/mod.ts";
import {
  BatchNoise,
  type Gpu,
  type LossType,
  NCELoss,
  type NCEOptions,
  type Scores,
  type Step,
  type Tensor,
} from "../../mod.ts";
import { Linear, SGD } from "../../nce/nn/mod.ts";
import {
  add,
  gather,
  linear,
  linearScorer,
  rowDot,
  tanh,
  type TileScorer,
} from "../../kernels/ops.ts";
import { openGpu } from "../storage/open_gpu.ts";
import { adapterLine } from "../shared/adapter.ts";
import { freeMemory } from "../shared/memory.ts";
import { runProgram } from "../shared/program.ts";
import { Catalogue } from "./catalogue.ts";
import { checkItems, describeItems, memoryOfItems, recommendLarge } from "./large_recommender.ts";
import { Market, topIndices } from "./market.ts";
import { HELP, type LargeOptions, parseRecommender, PRODUCTS } from "./recommender_options.ts";
import { HIDDEN, type Users, UserTower } from "./user_tower.ts";

/** Size of the vectors of users and items. */
const DIM = 16;
/** How many items a user is shown, and how many purchases are learned from in a step. */
const SHOWN = 10, BATCH = 512;
/** The learning rate at the start of training; it falls to 0. */
const LEARNING_RATE = 0.3;
/** Stream of the users' random numbers. */
const STREAM = 0x5245434f;

/**
 * `s(user, item) = user vector . item vector + bias[item]`. The user's vector is computed from age and
 * region, the item's from its features; the bias learns what the features do not explain.
 */
class TwoTowers extends NCELoss<[Users]> {
  /** Computes the users' vectors. */
  readonly users: UserTower;
  readonly #features: Tensor;
  readonly #bias: Tensor;
  readonly #itemHidden: Linear;
  readonly #itemTop: Linear;

  /** Starts as the noise: the bias is ln q + c. */
  constructor(gpu: Gpu, market: Market, options: NCEOptions) {
    super(gpu, options);
    const { items, features } = market.sizes;
    this.#features = gpu.tensor([items, features], market.features);
    const start = Float32Array.from(market.popularity, (p) => Math.log(p) + this.initialNormTerm);
    const layer = (name: string, inFeatures: number, outFeatures: number) =>
      this.part(new Linear(gpu, { name, inFeatures, outFeatures }));
    this.users = this.part(new UserTower(gpu, market.sizes, DIM));
    this.#itemHidden = layer("itemHidden", features, HIDDEN);
    this.#itemTop = layer("itemTop", HIDDEN, DIM);
    this.#bias = this.parameter(gpu, "bias", [items], start);
  }

  /** Scores of each user's target [N], and of all samples for each user [N, K]. */
  override getScore(step: Step, target: Tensor, noise: Tensor, given: Users): Scores {
    const users = this.users.forward(step, given);
    const own = rowDot(step, users, this.#items(step, gather(step, this.#features, target)));
    const noiseItems = this.#items(step, gather(step, this.#features, noise));
    return {
      target: add(step, own, gather(step, this.#bias, target)),
      noise: linear(step, users, noiseItems, gather(step, this.#bias, noise)),
    };
  }

  /** Scores of all items for each user. */
  override scoreAllClasses(step: Step, users: Users): TileScorer {
    const items = this.#items(step, this.#features);
    return linearScorer(step, this.users.forward(step, users), items, this.#bias);
  }

  #items(step: Step, features: Tensor): Tensor {
    return this.#itemTop.forward(step, tanh(step, this.#itemHidden.forward(step, features)));
  }

  override dispose(): void {
    super.dispose();
    this.#features.dispose();
  }
}

/** How well a model knows the market. */
export interface Quality {
  /** Mean over users of the sum of `p ln m` over items: p the truth, m the model. */
  readonly logProb: number;
  /** Fraction of a user's ten most probable items that are among the model's ten. */
  readonly recall: number;
}

/** A model's predictions for a user. */
export interface Opinion {
  /** [V] Scores of the items, to be normalised over all. */
  readonly scores: ArrayLike<number>;
  /** The ten best of them. */
  readonly best: Iterable<number>;
}

/** Compares a model's predictions for each user with the true distribution. */
export function compare(market: Market, opinionOf: (user: number) => Opinion): Quality {
  let logProb = 0, recall = 0;
  market.conditionals.forEach((p, user) => {
    const opinion = opinionOf(user), scores = Float64Array.from(opinion.scores);
    const top = scores.reduce((most, s) => Math.max(most, s), -Infinity);
    const logZ = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
    logProb += p.reduce((sum, x, y) => sum + x * (scores[y]! - logZ), 0) / market.users;
    const wanted = new Set(topIndices(p, SHOWN)),
      found = new Set(opinion.best).intersection(wanted);
    recall += found.size / wanted.size / market.users;
  });
  return { logProb, recall };
}

/** How a model is trained. */
export interface Training {
  /** Which loss. */
  readonly lossType: LossType;
  /** Whether noise is the batch's other targets, rather than samples by popularity. */
  readonly inBatch: boolean;
  /** Number of steps. */
  readonly steps: number;
  /** Number of targets in a step, and of samples. */
  readonly batch: number;
}

/** Trains a model on the items that users took, and measures how well it knows the market. */
async function train(gpu: Gpu, market: Market, training: Training): Promise<Quality> {
  const { lossType, inBatch, steps, batch } = training;
  using model = new TwoTowers(gpu, market, {
    noise: inBatch ? new BatchNoise(gpu, market.popularity) : market.popularity,
    noiseRatio: batch,
    lossType,
  });
  using optimizer = new SGD(gpu, model.parameters(), { lr: LEARNING_RATE, momentum: 0.9 });
  const random = new Philox(1, STREAM);
  for (let number = 0; number < steps; number++) {
    {
      using step = gpu.step({ training: true, seed: 1, number });
      const { user, item } = market.draw(batch, random);
      const loss = model.forward(step, step.upload(item), model.users.upload(step, user));
      optimizer.lr = LEARNING_RATE * (1 - number / steps);
      optimizer.step(step.backward(loss));
    }
    await gpu.keepUp();
  }
  using step = gpu.step();
  const kinds = Uint32Array.from({ length: market.users }, (_, user) => user);
  const everyone = model.users.upload(step, kinds);
  const best = await gpu.read(model.topK(step, SHOWN, everyone).ids), { items } = market.sizes;
  using all = model.scoreAllClasses(step, everyone).scores(0, items);
  const scores = await gpu.readFloats(all);
  return compare(market, (user) => ({
    scores: scores.subarray(user * items, (user + 1) * items),
    best: best.subarray(user * SHOWN, (user + 1) * SHOWN),
  }));
}

/** One line of the summary. */
export interface MethodQuality extends Quality {
  /** The training method, or the baseline. */
  readonly name: string;
}

/** The optimum, popularity alone, and the models trained in three ways. */
export async function* recommend(
  gpu: Gpu,
  market: Market,
  { steps, batch }: Pick<Training, "steps" | "batch">,
): AsyncGenerator<MethodQuality> {
  yield { name: "the truth", logProb: market.bestLogProb, recall: 1 };
  const scores = market.popularity.map(Math.log), best = topIndices(scores, SHOWN);
  yield { name: "popularity alone", ...compare(market, () => ({ scores, best })) };
  const ways: [string, LossType, boolean][] = [
    ["nce, samples by popularity", "nce", false],
    ["sampled, samples by popularity", "sampled", false],
    ["sampled, in-batch", "sampled", true],
  ];
  for (const [name, lossType, inBatch] of ways) {
    yield { name, ...await train(gpu, market, { lossType, inBatch, steps, batch }) };
  }
}

/** The recommender of 100,000 items. */
async function runUsual(gpu: Gpu): Promise<void> {
  const market = new Market({ items: 100_000, features: 6, ages: 8, regions: 6 }, 1);
  console.log(
    `${market.sizes.items} items, ${market.users} kinds of users, on ${adapterLine(gpu)}`,
  );
  const line = (name: string, logProb: string, recall: string) =>
    console.log(name.padEnd(32) + logProb.padStart(20) + recall.padStart(12));
  line("", "mean log probability", "recall@10");
  for await (
    const { name, logProb, recall } of recommend(gpu, market, { steps: 300, batch: BATCH })
  ) {
    line(name, logProb.toFixed(4), recall.toFixed(3));
  }
}

/** A recall in three digits, or of a size only. */
function showRecall(recall: number): string {
  return recall < 5e-4 ? recall.toExponential(0) : recall.toFixed(3);
}

/** The recommender of very many items. */
async function runLarge(gpu: Gpu, { items, dim, steps }: LargeOptions): Promise<void> {
  const market = new Market({ items: PRODUCTS, features: 6, ages: 16, regions: 16 }, 1);
  const needs = memoryOfItems(items, market.sizes, dim);
  console.log(`${items} items, ${market.users} kinds of users, on ${adapterLine(gpu)}`);
  console.log(`needs ${describeItems(gpu, items, dim, needs)}`);
  checkItems(items, needs, freeMemory(gpu));
  const training = { dim, steps, batch: BATCH, sample: 32, shown: SHOWN };
  const catalogue = new Catalogue(market, items / PRODUCTS);
  console.log("".padEnd(32) + "recall@10 of 32 users".padStart(24));
  for await (const { name, recall, stepMs } of recommendLarge(gpu, catalogue, training)) {
    const error = recall.error > 0 ? ` +- ${recall.error.toFixed(3)}` : "";
    const speed = stepMs === undefined ? "" : `  ${steps} steps, ${stepMs.toFixed(1)} ms each`;
    console.log(name.padEnd(32) + `${showRecall(recall.mean)}${error}`.padStart(24) + speed);
  }
}

if (import.meta.main) {
  await runProgram(async (words) => {
    const asked = parseRecommender(words);
    if (asked === "help") return console.log(HELP);
    await using gpu = await openGpu();
    await (asked ? runLarge(gpu, asked) : runUsual(gpu));
  });
}
