/**
 * Loads Cliffy, the command line library, as set-up left it in `.deps/cliffy`: the package on JSR, or
 * the copy from npm. This is the only module that imports it, by a literal, so that Deno puts it into
 * what it compiles and bundles.
 */

import { Failure } from "../shared/errors.ts";
import type { Cliffy } from "./cliffy_types.ts";

/** Cliffy, with its version and origin, such as `1.2.1 (JSR)`. */
export type LoadedCliffy = Cliffy & { readonly VERSION: string };

/**
 * Loads Cliffy.
 *
 * @throws {Failure} When set-up has not run, or what it left is damaged.
 */
export async function loadCliffy(): Promise<LoadedCliffy> {
  try {
    const module: unknown = await import("../../.deps/cliffy/mod.js");
    return module as LoadedCliffy;
  } catch (cause) {
    const message = "Cannot load Cliffy, the command line library: run `deno task setup` once in " +
      "the program's folder";
    throw new Failure(message, { cause });
  }
}
