/**
 * Loads Cliffy, the command line library, from `.deps/cliffy`. Set-up puts it there: the package on JSR, or
 * the copy from npm. Only this module imports it. The path is a literal, so that Deno includes it when it
 * compiles or bundles.
 */

import { Failure } from "../shared/errors.ts";
import type { Cliffy } from "./cliffy_types.ts";

/** Cliffy, with its version and origin, such as `1.2.1 (JSR)`. */
export type LoadedCliffy = Cliffy & { readonly VERSION: string };

/**
 * Loads Cliffy.
 *
 * @throws {Failure} If set-up has not run, or the copy is damaged.
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
