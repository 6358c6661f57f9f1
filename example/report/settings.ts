/** The settings of the runs side by side. */

import { idleness } from "../options/effects.ts";
import { flagOf, type OptionTable, readOptions } from "../options/option.ts";
import { scoringText } from "../options/evaluation_kind.ts";
import { OPTIONS, type Settings } from "../options/options.ts";
import { RUN } from "../options/run_options.ts";
import { isRecord } from "../shared/json.ts";
import { type Html, html } from "./html.ts";
import { section, table } from "./parts.ts";
import type { ReportedRun } from "./reported_run.ts";

/** Options of the call, which do not say what was trained. */
const CALL_OPTIONS: readonly string[] = Object.keys(RUN).filter((name) =>
  !["evaluation", "cuda", "compute"].includes(name)
);
const TABLE: OptionTable = OPTIONS;
const STANDARD: Settings = readOptions(OPTIONS, {});

/** Settings that do not apply. */
const IDLE = "no effect", UNKNOWN = "not on record";

/** A table of all settings; with several runs, those that differ come first. */
export function settings(runs: readonly ReportedRun[]): Html {
  const texts = runs.map((run) => textsOf(run));
  const names = Object.keys(TABLE).filter((name) =>
    !CALL_OPTIONS.includes(name) && TABLE[name]!.shortFor === undefined
  );
  const rows = names.map((name) => ({ name, values: texts.map((of) => of(name)) }))
    .filter(({ values }) => values.some((value) => value !== IDLE));
  const isSame = ({ name, values }: typeof rows[number]) => {
    const standard = textOf(STANDARD[name as keyof Settings]);
    const known = values.filter((value) => value !== UNKNOWN)
      .map((value) => value === IDLE ? standard : value);
    return known.every((value) => value === (runs.length > 1 ? known[0] : standard));
  };
  const marked = rows.filter((row) => !isSame(row)), others = rows.filter(isSame);
  const mark = runs.length > 1 ? "differs" : "changed";
  return section(
    "Settings",
    runs.length > 1
      ? `Settings in which the runs differ come first and are marked "${mark}".`
      : `Settings that are not the default come first and are marked "${mark}".`,
    table({
      caption: "Settings by option",
      head: ["option", ...runs.map(({ name }) => name)],
      rows: [
        ...marked.map(({ name, values }) => [
          html`${flagOf(name)} <strong>≠ ${mark}</strong>`,
          ...values.map((value) => html`<strong>${value}</strong>`),
        ]),
        ...others.map(({ name, values }) => [flagOf(name), ...values]),
      ],
    }),
  );
}

/** A function from an option to its setting as text: on record, or in the model file. */
function textsOf({ config, file }: ReportedRun): (name: string) => string {
  const found: Readonly<Record<string, unknown>> = {
    ...(typeof file === "object" && file.settings),
    ...config,
  };
  const known = Object.entries(found).filter(([name, value]) => isSetting(name, value));
  const all = { ...STANDARD, ...Object.fromEntries(known) } as Settings;
  return (name) => {
    if (!Object.hasOwn(found, name)) return UNKNOWN;
    return idleness(name as keyof Settings, all) === undefined ? textOf(found[name]) : IDLE;
  };
}

/** Whether a value on record is of the type that this version of the program has for it. */
function isSetting(name: string, value: unknown): boolean {
  const option = TABLE[name];
  if (option === undefined) return false;
  if (value === null || typeof value === "boolean") return typeof value === typeof option.absent;
  return option.read(textOf(value)) !== undefined || value === option.absent;
}

function textOf(value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null) return "not given";
  const isSampled = isRecord(value) && typeof value["sampled"] === "number";
  if (isSampled) return scoringText({ sampled: Number(value["sampled"]) });
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
