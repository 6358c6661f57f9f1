// Counts of saved states, which may hold anything: what is taken is given back as it was.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { countsFrom, flatCounts, type Slot } from "../../../nce/nn/slot.ts";
import { Rounding } from "../../../kernels/random/rounding.ts";
import { check } from "../../support/property.ts";

const NUMBER = fc.oneof(fc.integer({ min: -1, max: 1100 }), fc.double(), fc.constant("1"));

/** A slot that only counts. */
function slotOf(countsUpdates: boolean, defers: boolean): Slot {
  const fail = () => {
    throw new Error("not to be called");
  };
  const defer = defers ? fail : undefined;
  return { rounding: new Rounding(0, 0), countsUpdates, defer, kept: [], update: fail };
}

Deno.test("countsFrom() takes what flatCounts() gives, whole steps at positive rates alone", () =>
  check(
    fc.property(fc.array(NUMBER, { maxLength: 5 }), fc.boolean(), fc.boolean(), (list, ...kind) => {
      const [countsUpdates, defers] = kind, numbers = list as number[];
      const found = countsFrom(slotOf(countsUpdates, defers), numbers);
      const [updates, runs] = countsUpdates ? [list.slice(0, 1), list.slice(1)] : [[], list];
      const steps = runs.filter((_, i) => i % 2 === 0), rates = runs.filter((_, i) => i % 2 > 0);
      const isWhole = (n: unknown) => Number.isInteger(n) && Number(n) > 0 && Number(n) < 2 ** 32;
      const isRate = (n: unknown) => typeof n === "number" && n > 0 && Math.fround(n) < Infinity;
      const valid = [...updates, ...steps].every(isWhole) && rates.every(isRate) &&
        steps.length === rates.length && (defers || runs.length === 0) &&
        steps.reduce<number>((sum, n) => sum + Number(n), 0) <= 1024;
      assertEquals(found !== undefined, valid);
      if (found) assertEquals(flatCounts(found), numbers);
    }),
  ));
