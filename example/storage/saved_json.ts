/** JSON in a file's header: its shape is checked before anything of it is used. */

import type { Fail } from "../shared/errors.ts";
import { isRecord, parsedJson } from "../shared/json.ts";

/**
 * Says why a value of this name is no T, such as `lr is not a number`; undefined if it is one. Fields that a
 * shape does not list may be there, too.
 */
export interface Shape<T> {
  (value: unknown, name: string): string | undefined;
  /** Never there: it lets the compiler tell shapes apart. */
  readonly type?: T;
}

/** What `is` recognises. */
export function simple<T>(what: string, is: (value: unknown) => boolean): Shape<T> {
  return (value, name) => is(value) ? undefined : `${name} is not ${what}`;
}

/** A finite number. */
export const NUMBER: Shape<number> = simple("a number", Number.isFinite);
/** A text. */
export const TEXT: Shape<string> = simple("a text", (value) => typeof value === "string");

/** One of these texts. */
export function oneOf<T extends string>(...texts: readonly T[]): Shape<T> {
  return simple(texts.join(" or "), (value) => (texts as readonly unknown[]).includes(value));
}

/** An array. */
export function list<T>(of: Shape<T>): Shape<readonly T[]> {
  return (value, name) =>
    Array.isArray(value) ? firstFlaw(value.entries(), () => of, name) : `${name} is not a list`;
}

/** An object whose fields are not known before. */
export function fields<T>(of: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, name) =>
    isRecord(value)
      ? firstFlaw(Object.entries(value), () => of, name)
      : `${name} is not a JSON object`;
}

/** An object with these fields. */
export function record<T>(shapes: { readonly [Name in keyof T]-?: Shape<T[Name]> }): Shape<T> {
  const byName: Readonly<Record<string, Shape<unknown>>> = shapes;
  return (value, name) =>
    isRecord(value)
      ? firstFlaw(
        Object.keys(byName).map((field) => [field, value[field]]),
        (field) => byName[field]!,
        name,
      )
      : `${name} is not a JSON object`;
}

/** A field that may be missing. */
export function optionalField<T>(of: Shape<T>): Shape<T> {
  return (value, name) => value === undefined ? undefined : of(value, name);
}

function firstFlaw<Key extends string | number>(
  entries: Iterable<readonly [Key, unknown]>,
  shapeOf: (key: Key) => Shape<unknown>,
  name: string,
): string | undefined {
  for (const [key, value] of entries) {
    const flaw = shapeOf(key)(value, `${name}.${key}`);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

/** The JSON of a header's text. */
export function parseText(
  metadata: Readonly<Record<string, string>>,
  name: string,
  fail: Fail,
): unknown {
  const text = metadata[name], are = name.endsWith("s") ? "are" : "is";
  if (text === undefined) return fail(`its ${name} ${are} missing`);
  const value = parsedJson(text);
  return value === undefined ? fail(`its ${name} ${are} not JSON`) : value;
}

/** The JSON of a header's text, which has this shape. */
export function parseAs<T>(
  metadata: Readonly<Record<string, string>>,
  name: string,
  shape: Shape<T>,
  fail: Fail,
): T {
  const value = parseText(metadata, name, fail), flaw = shape(value, name);
  return flaw === undefined
    ? value as T
    : fail(`its ${flaw}: it is damaged, or of another version`);
}
