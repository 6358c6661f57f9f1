/** A catalogue of very many items: the products of a market, each in many variants. */

import type { Philox } from "../../kernels/random/mod.ts";
import { drawPlace, runningSum } from "../shared/search.ts";
import { type Market, topIndices } from "./market.ts";

/**
 * Item `variant * products + product`. A user takes a product as the market says and, whoever it is, variant v
 * with a probability in proportion to 1 / (v + 1). So the truth is known, and nothing here is as large as items
 * times users.
 */
export class Catalogue {
  /** Who takes which product. */
  readonly market: Market;
  /** V, the number of items. */
  readonly items: number;
  /** [variants] p(variant). */
  readonly #variants: Float64Array;
  readonly #cumulative: Float64Array;

  /** Each product of `market` comes in `variants` variants. */
  constructor(market: Market, variants: number) {
    this.market = market;
    this.items = market.sizes.items * variants;
    const weights = Float64Array.from({ length: variants }, (_, v) => 1 / (v + 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    this.#variants = weights.map((weight) => weight / total);
    this.#cumulative = runningSum(this.#variants);
  }

  /** [V] p(item), for users of all kinds in equal numbers. */
  popularity(): Float64Array {
    return this.#times(this.market.popularity, this.#variants.length);
  }

  /** Draws `count` users and the item that each took. */
  draw(count: number, random: Philox): { user: Uint32Array; item: Uint32Array } {
    const { user, item } = this.market.draw(count, random), { items: products } = this.market.sizes;
    const variant = () => drawPlace(this.#cumulative, random);
    return { user, item: item.map((product) => variant() * products + product) };
  }

  /** The `count` items that a user most probably takes. */
  best(user: number, count: number): number[] {
    return this.#bestBy(this.market.conditionals[user]!, count);
  }

  /** The `count` most popular items. */
  mostPopular(count: number): number[] {
    return this.#bestBy(this.market.popularity, count);
  }

  // The variants of a product come in the order of their probabilities: only the first `count` can be among
  // the best.
  #bestBy(products: Float64Array, count: number): number[] {
    return topIndices(this.#times(products, Math.min(count, this.#variants.length)), count);
  }

  /** p(product) p(variant) of the first `variants` variants, in the order of the items. */
  #times(products: Float64Array, variants: number): Float64Array {
    const P = products.length, out = new Float64Array(variants * P);
    for (let v = 0; v < variants; v++) {
      for (let p = 0; p < P; p++) out[v * P + p] = this.#variants[v]! * products[p]!;
    }
    return out;
  }
}
