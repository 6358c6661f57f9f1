/** The variants of kernels that suit each GPU of this machine: a small file beside the models. */

import packageConfig from "../../deno.json" with { type: "json" };
import { isTuning, type Tuning } from "../../kernels/mod.ts";
import type { Gpu } from "../../mod.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { adapterLine } from "../shared/adapter.ts";
import { Failure } from "../shared/errors.ts";
import { writeFileAtomically } from "../shared/files.ts";
import { isRecord } from "../shared/json.ts";
import { lockFile } from "../shared/lock.ts";

/** The file: `{ "made": "by which programs", "adapters": { "adapter and numbers": tuning } }`. */
const TUNING_FILE = `${MODEL_FOLDER}/tuning.json`;

/** The programs that compile the kernels. The driver is another, but WebGPU does not tell its version. */
const MADE = `nce ${packageConfig.version}, deno ${Deno.version.deno}`;

/** What was chosen for this adapter; undefined if nothing was, or if it was by other versions. */
export function keptTuning(gpu: Gpu): Tuning | undefined {
  const tuning = adapters()[keyOf(gpu)];
  return isTuning(tuning) ? tuning : undefined;
}

/** Keeps the choice beside those for other adapters; returns why that is not possible, if so. */
export function keepTuning(gpu: Gpu, tuning: Tuning): string | undefined {
  const missing = (["read", "write"] as const).find((name) => !isGranted(name));
  if (missing) return `may not ${missing} ${TUNING_FILE}`;
  try {
    // Another run, on another adapter, may keep its choice at the same time.
    using _lock = lockFile(`${TUNING_FILE}.lock`, () => {});
    const kept = { made: MADE, adapters: { ...adapters(), [keyOf(gpu)]: tuning } };
    writeFileAtomically(TUNING_FILE, JSON.stringify(kept, null, 2) + "\n");
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** What a choice holds for: kernels that read weights of 16 bits may be the fastest in other variants. */
function keyOf(gpu: Gpu): string {
  return `${adapterLine(gpu)}, ${gpu.compute}`;
}

/** The file's choices; none if it is missing, damaged, or of other versions. */
function adapters(): Record<string, unknown> {
  if (!isGranted("read")) return {};
  try {
    const kept: unknown = JSON.parse(Deno.readTextFileSync(TUNING_FILE));
    if (isRecord(kept) && kept["made"] === MADE && isRecord(kept["adapters"])) {
      return kept["adapters"];
    }
  } catch {
    // There is none, or it is made anew.
  }
  return {};
}

/** Whether the folder may be used without asking the user. */
function isGranted(name: "read" | "write"): boolean {
  return Deno.permissions.querySync({ name, path: MODEL_FOLDER }).state === "granted";
}
