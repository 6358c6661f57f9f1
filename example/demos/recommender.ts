/**
 * A two-tower recommender: which of 100,000 items a user takes. The scorer is this file's own, written with
 * the public operations; losses and noise are the library's. The market is made up, so that the best
 * possible answer is known.
 *
 *     deno run example/demos/recommender.ts
 */

import { Philox } from "../../kernels/random/mod.ts";
import {
  BatchNoise,
  Gpu,
  type LossType,
  NCELoss,
  type NCEOptions,
  type Scores,
  type Step,
  type Tensor,
} from "../../mod.ts";
import { Embedding, Linear, SGD } from "../../nce/nn/mod.ts";
import { add, gather, linear, rowDot, tanh } from "../../kernels/ops.ts";
import { prepareDriver } from "../shared/driver.ts";
import { adapterLine } from "../shared/adapter.ts";
import { Market } from "./market.ts";

/** Sizes of vectors within the model. */
const HIDDEN = 32, DIM = 16;
/** The learning rate at the start of training; it falls to 0. */
const LEARNING_RATE = 0.3;
/** Stream of the users' random numbers. */
const STREAM = 0x5245434f;

/**
 * `s(user, item) = user vector . item vector + bias[item]`. The user's vector is computed from age and
 * region, the item's from its features; the bias holds what the features do not say.
 */
class TwoTowers extends NCELoss<[age: Tensor, region: Tensor]> {
  readonly #features: Tensor;
  readonly #bias: Tensor;
  readonly #modules:
    & Readonly<Record<"age" | "region", Embedding>>
    & Readonly<Record<"userTop" | "itemHidden" | "itemTop", Linear>>;

  /** Starts as the noise: the bias is ln q + c. */
  constructor(gpu: Gpu, market: Market, options: NCEOptions) {
    super(gpu, options);
    const { items, features, ages, regions } = market.sizes;
    this.#features = gpu.tensor([items, features], market.features);
    const start = Float32Array.from(market.popularity, (p) => Math.log(p) + this.initialNormTerm);
    const embedding = (name: string, numEmbeddings: number) =>
      this.part(new Embedding(gpu, { name, numEmbeddings, embeddingDim: HIDDEN, initRange: 0.5 }));
    const layer = (name: string, inFeatures: number, outFeatures: number) =>
      this.part(new Linear(gpu, { name, inFeatures, outFeatures }));
    this.#modules = {
      age: embedding("age", ages),
      region: embedding("region", regions),
      userTop: layer("userTop", HIDDEN, DIM),
      itemHidden: layer("itemHidden", features, HIDDEN),
      itemTop: layer("itemTop", HIDDEN, DIM),
    };
    this.#bias = this.parameter(gpu, "bias", [items], start);
  }

  /** Scores of each user's target [N], and of all samples for each user [N, K]. */
  override getScore(
    step: Step,
    target: Tensor,
    noise: Tensor,
    age: Tensor,
    region: Tensor,
  ): Scores {
    const users = this.#users(step, age, region);
    const own = rowDot(step, users, this.#items(step, gather(step, this.#features, target)));
    const noiseItems = this.#items(step, gather(step, this.#features, noise));
    return {
      target: add(step, own, gather(step, this.#bias, target)),
      noise: linear(step, users, noiseItems, gather(step, this.#bias, noise)),
    };
  }

  /** Scores of all items for each user: [N, V]. */
  scoreAll(step: Step, age: Tensor, region: Tensor): Tensor {
    const items = this.#items(step, this.#features);
    return linear(step, this.#users(step, age, region), items, this.#bias);
  }

  #users(step: Step, age: Tensor, region: Tensor): Tensor {
    const { age: ages, region: regions, userTop } = this.#modules;
    const sum = add(step, ages.forward(step, age), regions.forward(step, region));
    return userTop.forward(step, tanh(step, sum));
  }

  #items(step: Step, features: Tensor): Tensor {
    const { itemHidden, itemTop } = this.#modules;
    return itemTop.forward(step, tanh(step, itemHidden.forward(step, features)));
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
  /** Part of a user's ten most probable items that is among the model's ten. */
  readonly recall: number;
}

/** Compares scores [U, V], normalised over all items, with the truth. */
export function compare(market: Market, scoresOf: (user: number) => ArrayLike<number>): Quality {
  let logProb = 0, recall = 0;
  market.conditionals.forEach((p, user) => {
    const scores = Float64Array.from(scoresOf(user));
    const top = scores.reduce((most, s) => Math.max(most, s), -Infinity);
    const logZ = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
    logProb += p.reduce((sum, x, y) => sum + x * (scores[y]! - logZ), 0) / market.users;
    const best = new Set(topTen(p));
    recall += topTen(scores).filter((y) => best.has(y)).length / best.size / market.users;
  });
  return { logProb, recall };
}

/** The places of the ten largest values. */
function topTen(values: Float64Array): number[] {
  const ten: number[] = [];
  values.forEach((value, i) => {
    if (ten.length === 10 && !(value > values[ten[9]!]!)) return;
    const place = ten.findIndex((j) => value > values[j]!);
    ten.splice(place < 0 ? ten.length : place, 0, i);
    ten.length = Math.min(ten.length, 10);
  });
  return ten;
}

/** How a model is trained. */
export interface Training {
  /** Which loss. */
  readonly lossType: LossType;
  /** Whether the other targets are the noise, instead of samples by popularity. */
  readonly inBatch: boolean;
  /** Number of steps. */
  readonly steps: number;
  /** Number of targets in a step, and of samples. */
  readonly batch: number;
}

/** Trains a model on what users took, and says how well it knows the market. */
async function train(gpu: Gpu, market: Market, training: Training): Promise<Quality> {
  const { lossType, inBatch, steps, batch } = training;
  using model = new TwoTowers(gpu, market, {
    noise: inBatch ? new BatchNoise(gpu, market.popularity) : market.popularity,
    noiseRatio: batch,
    lossType,
  });
  using optimizer = new SGD(gpu, model.parameters(), { lr: LEARNING_RATE, momentum: 0.9 });
  const random = new Philox(1, STREAM), { ages } = market.sizes;
  const upload = (step: Step, users: Uint32Array): [Tensor, Tensor] => [
    step.upload(users.map((user) => user % ages)),
    step.upload(users.map((user) => Math.floor(user / ages))),
  ];
  for (let number = 0; number < steps; number++) {
    {
      using step = gpu.step({ training: true, seed: 1, number });
      const { user, item } = market.draw(batch, random);
      const loss = model.forward(step, step.upload(item), ...upload(step, user));
      optimizer.lr = LEARNING_RATE * (1 - number / steps);
      optimizer.step(step.backward(loss));
    }
    await gpu.keepUp();
  }
  using step = gpu.step();
  const everyone = Uint32Array.from({ length: market.users }, (_, user) => user);
  const scores = await gpu.readFloats(model.scoreAll(step, ...upload(step, everyone)));
  const { items } = market.sizes;
  return compare(market, (user) => scores.subarray(user * items, (user + 1) * items));
}

/** One line of the summary. */
export interface Outcome extends Quality {
  /** What was trained how, or what it is compared with. */
  readonly name: string;
}

/** The best possible, what popularity alone gives, and what is trained in each of three ways. */
export async function* recommend(
  gpu: Gpu,
  market: Market,
  { steps, batch }: Pick<Training, "steps" | "batch">,
): AsyncGenerator<Outcome> {
  yield { name: "the truth", logProb: market.bestLogProb, recall: 1 };
  const popularity = market.popularity.map(Math.log);
  yield { name: "popularity alone", ...compare(market, () => popularity) };
  const ways: [string, LossType, boolean][] = [
    ["nce, samples by popularity", "nce", false],
    ["sampled, samples by popularity", "sampled", false],
    ["sampled, in-batch", "sampled", true],
  ];
  for (const [name, lossType, inBatch] of ways) {
    yield { name, ...await train(gpu, market, { lossType, inBatch, steps, batch }) };
  }
}

if (import.meta.main) {
  prepareDriver();
  const market = new Market({ items: 100_000, features: 6, ages: 8, regions: 6 }, 1);
  await using gpu = await Gpu.create();
  console.log(
    `${market.sizes.items} items, ${market.users} kinds of users, on ${adapterLine(gpu)}`,
  );
  const line = (name: string, logProb: string, recall: string) =>
    console.log(name.padEnd(32) + logProb.padStart(20) + recall.padStart(12));
  line("", "mean log probability", "recall@10");
  for await (
    const { name, logProb, recall } of recommend(gpu, market, { steps: 300, batch: 512 })
  ) {
    line(name, logProb.toFixed(4), recall.toFixed(3));
  }
}
