// The catalogue of products in variants.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Catalogue } from "../../../example/demos/catalogue.ts";
import { Market } from "../../../example/demos/market.ts";
import { Philox } from "../../../kernels/random/philox.ts";
import { chiSquareProbability } from "../../reference/chi_square.ts";
import { bestOf } from "../../reference/top_k.ts";

const PRODUCTS = 30, VARIANTS = 12;
const MARKET = new Market({ items: PRODUCTS, features: 3, ages: 3, regions: 2 }, 3);
const CATALOGUE = new Catalogue(MARKET, VARIANTS);

/** p(item | user) of all items, from the definition. */
function truth(user: number): Float64Array {
  const total = Array.from({ length: VARIANTS }, (_, v) => 1 / (v + 1)).reduce((a, b) => a + b);
  return Float64Array.from({ length: PRODUCTS * VARIANTS }, (_, item) => {
    const variant = Math.floor(item / PRODUCTS);
    return MARKET.conditionals[user]![item % PRODUCTS]! / (variant + 1) / total;
  });
}

const TRUTHS = Array.from({ length: MARKET.users }, (_, user) => truth(user));

Deno.test("a catalogue's popularity is the mean over users", () => {
  const popularity = CATALOGUE.popularity();
  assertEquals(CATALOGUE.items, 360);
  assertEquals(popularity.length, 360);
  popularity.forEach((p, item) => {
    const mean = TRUTHS.reduce((sum, truth) => sum + truth[item]!, 0) / MARKET.users;
    assertAlmostEquals(p, mean, 1e-15);
  });
});

Deno.test("a catalogue is drawn from as its probabilities say, for each user", () => {
  const { user, item } = CATALOGUE.draw(200_000, new Philox(1, 5));
  for (const [kind, truth] of TRUTHS.entries()) {
    const counts = new Uint32Array(CATALOGUE.items);
    item.forEach((y, i) => {
      if (user[i] === kind) counts[y]!++;
    });
    assert(chiSquareProbability(counts, truth) > 1e-3, `user ${kind}`);
  }
  const counts = new Uint32Array(CATALOGUE.items);
  for (const y of item) counts[y]!++;
  assert(chiSquareProbability(counts, TRUTHS[0]!) < 1e-6);
});

Deno.test("a catalogue's best items are the most probable of all, for a user and for all", () => {
  for (const count of [1, 10, 20]) {
    for (const [user, truth] of TRUTHS.entries()) {
      assertEquals(CATALOGUE.best(user, count), [...bestOf(truth, count)]);
    }
    assertEquals(CATALOGUE.mostPopular(count), [...bestOf(CATALOGUE.popularity(), count)]);
  }
});

Deno.test("a catalogue of one variant is its market", () => {
  const single = new Catalogue(MARKET, 1);
  assertEquals(single.popularity(), MARKET.popularity);
});
