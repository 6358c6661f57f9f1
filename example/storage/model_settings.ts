/** The settings that a model file keeps. */

import { UsageError } from "../shared/errors.ts";
import { type Fail, isRecord } from "./safetensors.ts";
import { parseSettings, type Settings } from "../options/settings.ts";

/** Names of the settings that a model is rebuilt from. */
const KEPT = [
  "indexModule",
  "emsize",
  "nhid",
  "nlayers",
  "dropout",
  "loss",
  "noise",
  "noisePower",
  "noiseUniform",
  "noiseRatio",
  "unique",
  "removeHits",
  "perWord",
  "normTerm",
  "selfNorm",
  "seed",
] as const;

type SettingName = typeof KEPT[number];

/** The settings that a model is rebuilt from. */
export type ModelSettings = Pick<Settings, SettingName>;

/** The settings that are kept, and no others. */
export function keptSettings(settings: ModelSettings): ModelSettings {
  return Object.fromEntries(KEPT.map((name) => [name, settings[name]])) as ModelSettings;
}

/**
 * Checks settings that were read from a file, each of them as the option that it comes from. Options that
 * go with each other on the command line only may stand in a file by themselves: it does not keep all.
 */
export function readSettings(saved: unknown, fail: Fail): ModelSettings {
  if (!isRecord(saved)) return fail("its settings are not a JSON object");
  const foreign = Object.keys(saved).find((name) => !KEPT.some((known) => known === name));
  if (foreign !== undefined) fail(`its setting ${foreign} is unknown`);
  for (const name of KEPT) checkSetting(name, saved[name], fail);
  const settings = saved as ModelSettings, why = contradiction(settings);
  return why === undefined ? settings : fail(`its settings contradict each other: ${why}`);
}

function checkSetting(name: SettingName, value: unknown, fail: Fail): void {
  if (value === undefined) return fail(`its setting ${name} is missing`);
  const isSwitch = typeof parseSettings({})[name] === "boolean";
  if (isSwitch && typeof value === "boolean") return;
  if (isSwitch || (typeof value !== "string" && typeof value !== "number")) {
    return fail(`its setting ${name} is of a wrong type`);
  }
  if (valueOf(name, `${value}`) !== value) {
    fail(`its setting ${name} cannot be ${JSON.stringify(value)}`);
  }
}

/** What the text of an option is read as; undefined if it is none of its values. */
function valueOf(name: SettingName, text: string): unknown {
  const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  try {
    // With this loss, each of them has an effect.
    return parseSettings({ train: true, loss: "nce", [option]: text })[name];
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** Why there is no model of these settings, if there is none. */
function contradiction(settings: ModelSettings): string | undefined {
  const { indexModule, nlayers, loss, noise, unique, perWord } = settings;
  const isShared = noise.startsWith("batch");
  if (indexModule === "gru" && nlayers !== 1) return `an IndexGRU has one layer, not ${nlayers}`;
  if (perWord && isShared) return "batch noise is not drawn for every word";
  if (!unique) return undefined;
  if (perWord || isShared) return "different samples are drawn, once for all words";
  return loss === "sampled" ? undefined : `loss ${loss} has no different samples`;
}
