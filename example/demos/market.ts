/** A synthetic market with known preferences, for the recommender example. */

import { Philox } from "../../kernels/random/mod.ts";
import { normals } from "../shared/normals.ts";
import { drawPlace, runningSum } from "../shared/search.ts";

/** Sizes of a {@linkcode Market}. */
export interface MarketSizes {
  /** V, the number of items. */
  readonly items: number;
  /** Number of features of an item. */
  readonly features: number;
  /** Number of age groups. */
  readonly ages: number;
  /** Number of regions. */
  readonly regions: number;
}

/** Strength of preferences: the standard deviation of a user's taste for an item. */
const STRENGTH = 1.5;
const STREAM = { items: 0x4d4b5400, tastes: 0x4d4b5401 } as const;

/**
 * Users are known by age group and region, items by a few features. The chance that a user takes item y is
 * softmax of `ln popularity[y] + (taste[age] + taste[region]) . features[y]`, with Zipf popularity.
 */
export class Market {
  /** The sizes. */
  readonly sizes: MarketSizes;
  /** U, the number of kinds of users: user u has age `u % ages` and region `floor(u / ages)`. */
  readonly users: number;
  /** [V, features] */
  readonly features: Float32Array;
  /** [U] of [V]: p(item | user). */
  readonly conditionals: readonly Float64Array[];
  /** [V] p(item), for users of all kinds in equal numbers. */
  readonly popularity: Float64Array;
  /** Sum of `p ln p` over items, averaged over users: the best mean log probability. */
  readonly bestLogProb: number;
  readonly #cumulative: readonly Float64Array[];

  /** A function of the sizes and the seed. */
  constructor(sizes: MarketSizes, seed: number) {
    const { items, features, ages, regions } = sizes;
    this.sizes = sizes;
    this.users = ages * regions;
    this.features = Float32Array.from(normals(items * features, new Philox(seed, STREAM.items)));
    const scale = STRENGTH / Math.sqrt(2 * features);
    const tastes = normals((ages + regions) * features, new Philox(seed, STREAM.tastes))
      .map((x) => scale * x);
    this.conditionals = Array.from({ length: this.users }, (_, u) => {
      const [age, region] = [u % ages, ages + Math.floor(u / ages)];
      const taste = Float64Array.from(
        { length: features },
        (_, f) => tastes[age * features + f]! + tastes[region * features + f]!,
      );
      return this.#conditional(taste);
    });
    this.popularity = new Float64Array(items);
    let best = 0;
    for (const p of this.conditionals) {
      for (let y = 0; y < items; y++) {
        this.popularity[y]! += p[y]! / this.users;
        best += p[y]! * Math.log(p[y]!) / this.users;
      }
    }
    this.bestLogProb = best;
    this.#cumulative = this.conditionals.map(runningSum);
  }

  /** Draws `count` users and the item that each took. */
  draw(count: number, random: Philox): { user: Uint32Array; item: Uint32Array } {
    const user = Uint32Array.from({ length: count }, () => random.below(this.users));
    const item = user.map((u) => drawPlace(this.#cumulative[u]!, random));
    return { user, item };
  }

  #conditional(taste: Float64Array): Float64Array {
    const { items, features } = this.sizes;
    let total = 0;
    const weights = Float64Array.from({ length: items }, (_, y) => {
      let liking = 0;
      for (let f = 0; f < features; f++) liking += taste[f]! * this.features[y * features + f]!;
      const weight = Math.exp(liking) / (y + 1);
      total += weight;
      return weight;
    });
    return weights.map((weight) => weight / total);
  }
}

/** Indices of the `count` largest elements, largest first, equal ones in their order. */
export function topIndices(p: Float64Array, count: number): number[] {
  const places: number[] = [];
  p.forEach((x, i) => {
    if (places.length === count && !(x > p[places[count - 1]!]!)) return;
    const place = places.findIndex((j) => x > p[j]!);
    places.splice(place < 0 ? places.length : place, 0, i);
    places.length = Math.min(places.length, count);
  });
  return places;
}
