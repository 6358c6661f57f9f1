/**
 * The libraries that draw charts. Deno resolves a literal import, with dozens of packages, at every start of the
 * program: these are loaded when a report is made, in the versions of `deno.json`.
 */

import type * as Plot from "@observablehq/plot";
import type * as Linkedom from "linkedom";
import config from "../../deno.json" with { type: "json" };
import { Failure, reasonOf } from "../shared/errors.ts";

/** Loads a package; throws a Failure if it cannot be fetched. */
async function load(name: "@observablehq/plot" | "linkedom"): Promise<unknown> {
  try {
    return await import(config.imports[name]);
  } catch (cause) {
    const why = reasonOf(cause).split("\n")[0];
    throw new Failure(
      `Cannot load ${config.imports[name]}, which draws charts: ${why}; run this once where npm ` +
        "can be reached",
      { cause },
    );
  }
}

/** Observable Plot. */
export const plot = await load("@observablehq/plot") as typeof Plot;
/** A document outside browsers. */
export const linkedom = await load("linkedom") as typeof Linkedom;
