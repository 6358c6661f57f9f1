/** Random command lines: settings in range, or one line that names an option that was given. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../../example/shared/errors.ts";
import { INDEX_MODULES, LOSSES, NOISES, OPTIMIZERS } from "../../../example/options/choices.ts";
import { ignoredOptions } from "../../../example/options/effects.ts";
import type { Given } from "../../../example/options/option.ts";
import type { Settings } from "../../../example/options/options.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { main } from "../../../example/cli/main.ts";
import { captureIo } from "../../support/capture_io.ts";
import { type NamedOption, OPTIONS } from "../../support/options.ts";
import { check, checkAsync } from "../../support/property.ts";

const CHOICES: Record<string, readonly string[]> = {
  "loss": LOSSES,
  "noise": NOISES,
  "index-module": INDEX_MODULES,
  "optimizer": OPTIMIZERS,
  "norm-term": ["auto", "learned"],
  "evaluation": ["full", "nce", "loss", "sampled:5", "sampled:50", "sampled:0", "sampled:x"],
  "data": ["synthetic", "synthetic:vocab=900", "data/penn", "synthetic text"],
};

/** Numbers as people and scripts write them, good and bad. */
const number = fc.oneof(
  fc.integer({ min: -3, max: 1000 }).map(String),
  fc.maxSafeInteger().map(String),
  fc.double().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
  fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: -500, max: 500 }))
    .map(([digit, exponent]) => `${digit}e${exponent}`),
  fc.constantFrom("+1", ".5", "5.", "0x10", "1_000", " 1", "1,5", "", "NaN", "-0", "1e", "--lr"),
);

function textOf(
  { name, value, default: standard, range }: NamedOption,
): fc.Arbitrary<Given[string]> {
  if (value === undefined) return fc.boolean();
  const good = [...CHOICES[name] ?? [], ...standard === undefined ? [] : [standard]];
  return fc.oneof(
    { weight: 3, arbitrary: good.length > 0 ? fc.constantFrom(...good) : fc.string() },
    { weight: 2, arbitrary: range === undefined ? fc.string() : number },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  );
}

/** Some options with texts of theirs; those that other options need come often. */
const given: fc.Arbitrary<Given> = fc.record(
  Object.fromEntries(
    OPTIONS.map((o) => [o.name, textOf(o)]),
  ),
  { requiredKeys: [] },
).chain((all) =>
  fc.subarray(Object.keys(all), { maxLength: 8 }).map((names) =>
    Object.fromEntries(names.map((name) => [name, all[name]]))
  )
);

/** The setting of an option. */
function settingOf(settings: Settings, { setting }: NamedOption): unknown {
  return settings[setting as keyof Settings];
}

function assertInRange(settings: Settings): void {
  for (const option of OPTIONS) {
    const value = settingOf(settings, option), { name, range } = option;
    if (range !== undefined && typeof value === "number") {
      // No audit is asked for by 0.
      assert(value >= (name === "audit" ? 0 : range[0]) && value <= range[1], `${name} ${value}`);
      if (option.value === "count") assert(Number.isInteger(value), `${name} ${value}`);
      // The GPU sees it as a float32.
      assert(Number.isFinite(Math.fround(value)), `${name} ${value}`);
      if (range[0] > 0 && name !== "audit") assert(Math.fround(value) > 0, `${name} ${value}`);
    }
  }
  assert(LOSSES.includes(settings.loss) && NOISES.includes(settings.noise));
  assert(settings.lr * settings.weightDecay <= 1);
  const { evaluation } = settings;
  if (typeof evaluation === "object") assert(Number.isInteger(evaluation.sampled));
}

Deno.test("parseSettings() gives settings in range or names a given option in one line", () => {
  let accepted = 0, refused = 0;
  check(fc.property(given, (given) => {
    try {
      const settings = parseSettings(given);
      assertInRange(settings);
      const warning = ignoredOptions(given, settings) ?? "";
      for (const [name] of warning.matchAll(/(?<=--)(?!train|prof)[a-z-]+/g)) {
        assert(given[name] !== undefined, warning);
      }
      accepted++;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const { message } = error;
      assert(!/[\n\r]/.test(message), message);
      const names = [...message.matchAll(/--([a-z][a-z-]*)/g)].map(([, name]) => name!);
      assert(names.some((name) => given[name] !== undefined), message);
      refused++;
    }
  }));
  // Both are tried, and often.
  assert(Math.min(accepted, refused) > 0.05 * (accepted + refused), `${accepted} and ${refused}`);
});

Deno.test("parseSettings() gives the same settings again from their own texts", () => {
  check(fc.property(given, (given) => {
    let settings: Settings;
    try {
      settings = parseSettings(given);
    } catch {
      return; // the other test looks at these
    }
    const again = Object.fromEntries(OPTIONS.flatMap((option) => {
      const value = given[option.name] === undefined ? undefined : settingOf(settings, option);
      const isObject = typeof value === "object" && value !== null;
      if (value === undefined || value === null || isObject) {
        return [[option.name, given[option.name]]];
      }
      return [[option.name, typeof value === "boolean" ? value : String(value)]];
    }));
    assertEquals(parseSettings(again), settings);
  }));
});

/** Words of a command line: options, their values, and what is neither; no help, which is printed, and no stack traces. */
const words = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...OPTIONS).chain(argumentsOf) },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.string().map((text) => [text]),
        fc.constantFrom(...OPTIONS).map(({ name }) => [`--no-${name}`]),
        fc.constantFrom("--", "-", "-x", "--nope", "--=", "-1", "--lr=").map((word) => [word]),
      ),
    },
  ),
  { maxLength: 6 },
).map((parts) => parts.flat())
  .filter((words) => !words.some((word) => /^(-h|-V|--help|--version|--debug)/.test(word)));

/** An option as `--name value` or `--name=value`, at times without its value. */
function argumentsOf(option: NamedOption): fc.Arbitrary<string[]> {
  const { name, value } = option, flag = `--${name}`;
  if (value === undefined) return fc.constantFrom([flag], [flag], [flag], [`${flag}=yes`]);
  return textOf(option).chain((text) =>
    fc.constantFrom([flag, String(text)], [`${flag}=${text}`], [flag, String(text)], [flag])
  );
}

Deno.test("main() runs or says in one line what is wrong with any words", async () => {
  let ran = 0, refused = 0;
  await checkAsync(fc.asyncProperty(words, async (args) => {
    const io = captureIo();
    let isRun = false;
    const code = await main(["--data=x", ...args], io, () => Promise.resolve(void (isRun = true)));
    const errors = io.errLines.filter((line) => !line.startsWith("warning: no effect with"));
    assertEquals(io.outLines, []);
    assertEquals(code, isRun ? 0 : 2, io.errLines.join("\n"));
    assertEquals(errors.length, isRun ? 0 : 1);
    for (const line of errors) {
      assert(/^error: [^\n\r]+$/.test(line) && !line.includes("--debug shows where"), line);
    }
    if (isRun) ran++;
    else refused++;
  }));
  assert(Math.min(ran, refused) > 0.05 * (ran + refused), `${ran} and ${refused}`);
});
