/** Reads golden vectors from NCE_GOLDEN_DIR, by default the few cases beside the tests. */

import { fromFileUrl } from "@std/path";

/** The cases of a golden file, at least one. */
export function goldenCases<Case>(file: string): Case[] {
  const folder = Deno.env.get("NCE_GOLDEN_DIR") ??
    fromFileUrl(new URL("../golden", import.meta.url));
  const cases: Case[] = JSON.parse(Deno.readTextFileSync(`${folder}/${file}`));
  if (!(cases.length > 0)) throw new Error(`${folder}/${file} has no cases`);
  return cases;
}

/** Tolerance of losses and gradients against the reference. */
export const GOLDEN_TOLERANCE = { atol: 2e-5, rtol: 2e-4 };

/** Rows [B, T, ...] as rows [T * B, ...], time first, as models take them. */
export function timeMajor<Item>(batch: readonly Item[][]): Item[] {
  return batch[0]!.flatMap((_, t) => batch.map((row) => row[t]!));
}
