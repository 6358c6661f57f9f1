/** The settings that a model file keeps. */

import { LOSS, MODEL, type ModelSettings } from "../options/options.ts";
import { isFromBatch } from "../options/settings.ts";
import type { Option } from "../options/option.ts";
import { type Fail, isRecord } from "./safetensors.ts";

const { nce: _shorthand, ...OWN_LOSS } = LOSS;
/** Options of the settings that a model is rebuilt from. */
const KEPT: { readonly [Name in keyof ModelSettings]: Option<ModelSettings[Name]> } = {
  ...MODEL,
  ...OWN_LOSS,
};
const NAMES = Object.keys(KEPT) as (keyof ModelSettings)[];

/** The settings that are kept, and no others. */
export function keptSettings(settings: ModelSettings): ModelSettings {
  return Object.fromEntries(
    NAMES.map((name) => [name, settings[name]]),
  ) as unknown as ModelSettings;
}

/**
 * Checks settings that were read from a file, each of them as the option that it comes from. Options that
 * go with each other on the command line only may stand in a file by themselves: it does not keep all.
 */
export function readSettings(saved: unknown, fail: Fail): ModelSettings {
  if (!isRecord(saved)) return fail("its settings are not a JSON object");
  const foreign = Object.keys(saved).find((name) => !Object.hasOwn(KEPT, name));
  if (foreign !== undefined) fail(`its setting ${foreign} is unknown`);
  for (const name of NAMES) checkSetting(name, saved[name], fail);
  const settings = saved as unknown as ModelSettings, why = contradiction(settings);
  return why === undefined ? settings : fail(`its settings contradict each other: ${why}`);
}

function checkSetting(name: keyof ModelSettings, value: unknown, fail: Fail): void {
  if (value === undefined) return fail(`its setting ${name} is missing`);
  if (typeof value === "object") return fail(`its setting ${name} is of a wrong type`);
  // A number, a word or a switch is written as it is read.
  if (KEPT[name].read(`${value}`) !== value) {
    fail(`its setting ${name} cannot be ${JSON.stringify(value)}`);
  }
}

/** Why there is no model of these settings, if there is none. */
function contradiction(settings: ModelSettings): string | undefined {
  const { indexModule, nlayers, loss, noise, unique, perWord } = settings;
  const isShared = isFromBatch(noise);
  if (indexModule === "gru" && nlayers !== 1) return `an IndexGRU has one layer, not ${nlayers}`;
  if (perWord && isShared) return "batch noise is not drawn for every word";
  if (!unique) return undefined;
  if (perWord || isShared) return "different samples are drawn, once for all words";
  return loss === "sampled" ? undefined : `loss ${loss} has no different samples`;
}
