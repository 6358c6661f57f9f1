/**
 * Loads Cliffy, the command line library: the copy that set-up took from npm if there is one, else
 * the package on JSR. This is the only module that imports it.
 */

import config from "../deno.json" with { type: "json" };
import { Failure } from "../example/errors.ts";
import type { Cliffy } from "./cliffy_types.ts";

/** Cliffy and where it came from. */
export interface LoadedCliffy {
  /** The module. */
  readonly cliffy: Cliffy;
  /** Version and origin, such as `1.2.1 (JSR)`. */
  readonly copy: string;
}

/**
 * Loads the copy from npm, or the package from JSR.
 *
 * @throws {Failure} When neither can be had.
 */
export async function loadCliffy(): Promise<LoadedCliffy> {
  try {
    return await loadCopy();
  } catch {
    // There is no usable copy: the usual case where JSR answers.
  }
  try {
    return await loadFromJsr();
  } catch (cause) {
    throw new Failure("Cannot load Cliffy, the command line library: run `deno task setup` once", {
      cause,
    });
  }
}

async function loadCopy(): Promise<LoadedCliffy> {
  const module: unknown = await import("../.deps/cliffy/mod.js");
  const cliffy = module as Cliffy & { readonly VERSION: string };
  return { cliffy, copy: `${cliffy.VERSION} (npm copy)` };
}

/** Loads the package from JSR, or from Deno's cache of it; rejects where JSR does not answer. */
export async function loadFromJsr(): Promise<LoadedCliffy> {
  // Not a literal: Deno tries a literal at every start, even when the copy is there.
  const name: keyof typeof config.imports = "@cliffy/command";
  const cliffy: Cliffy = await import(name);
  return { cliffy, copy: `${config.imports[name].split("@").at(-1)} (JSR)` };
}
