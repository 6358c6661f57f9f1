/** The settings in a model file. */

import { LOSS, MODEL, type ModelSettings } from "../options/options.ts";
import { isFromBatch } from "../options/choices.ts";
import { laterSettings, type Option } from "../options/option.ts";
import type { Fail } from "../shared/errors.ts";
import { isRecord } from "../shared/json.ts";

const { nce: _shorthand, ...OWN_LOSS } = LOSS;
/** Options needed to rebuild a model. */
const KEPT: { readonly [Name in keyof ModelSettings]: Option<ModelSettings[Name]> } = {
  ...MODEL,
  ...OWN_LOSS,
};
const NAMES = Object.keys(KEPT) as (keyof ModelSettings)[];

/** Selects the settings that a file keeps. */
export function keptSettings(settings: ModelSettings): ModelSettings {
  return Object.fromEntries(
    NAMES.map((name) => [name, settings[name]]),
  ) as unknown as ModelSettings;
}

/**
 * Checks settings from a file, each like its option. Rules that combine options on the command line do not
 * apply, since a file does not keep all of them.
 */
export function readSettings(saved: unknown, fail: Fail): ModelSettings {
  if (!isRecord(saved)) return fail("its settings are not a JSON object");
  const foreign = Object.keys(saved).find((name) => !Object.hasOwn(KEPT, name));
  if (foreign !== undefined) fail(`its setting ${foreign} is unknown`);
  const all = { ...laterSettings(KEPT), ...saved };
  for (const name of NAMES) checkSetting(name, all[name], fail);
  const settings = all as unknown as ModelSettings, why = contradiction(settings);
  return why === undefined ? settings : fail(`its settings contradict each other: ${why}`);
}

function checkSetting(name: keyof ModelSettings, value: unknown, fail: Fail): void {
  if (value === undefined) return fail(`its setting ${name} is missing`);
  if (typeof value === "object") return fail(`its setting ${name} is of a wrong type`);
  // A number, a word or a switch has the same text in both.
  if (KEPT[name].read(`${value}`) !== value) {
    fail(`its setting ${name} cannot be ${JSON.stringify(value)}`);
  }
}

/** Why no model has these settings, if so. */
function contradiction(settings: ModelSettings): string | undefined {
  const { indexModule, nlayers, loss, noise, unique, perWord, emsize, tableDtype, tied } = settings;
  const isShared = isFromBatch(noise);
  if (indexModule === "gru" && nlayers !== 1) return `an IndexGRU has one layer, not ${nlayers}`;
  if (indexModule === "gru" && tied) return "an IndexGRU has one table, and none to tie";
  if (tableDtype === "f16" && emsize % 2 > 0) return `f16 tables have no odd emsize, ${emsize}`;
  if (perWord && isShared) return "batch noise is not drawn for every word";
  if (!unique) return undefined;
  if (perWord || isShared) return "different samples are drawn, once for all words";
  return loss === "sampled" ? undefined : `loss ${loss} has no different samples`;
}
