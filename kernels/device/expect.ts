/** Checks of arguments that types cannot express, or that JavaScript has no types for. */

/** The longest array, and the longest text, that an error shows whole. */
const MAX_SHOWN = { elements: 8, characters: 200 };

/** `value` as it appears in an error. */
export function show(value: unknown): string {
  if (typeof value === "string") return showText(value);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return showList(value);
  const name = value.constructor?.name ?? "Object";
  if (name === "Object") return "an object";
  return /^[AEIOU]/.test(name) ? `an ${name}` : `a ${name}`;
}

function showText(text: string): string {
  if (text.length <= MAX_SHOWN.characters) return JSON.stringify(text);
  return `a text of ${text.length} characters`;
}

function showList(list: readonly unknown[]): string {
  const isPlain = (value: unknown) => /^(?:number|string|boolean|undefined)$/.test(typeof value);
  const isShown = list.length <= MAX_SHOWN.elements && list.every(isPlain);
  return isShown ? `[${list.map((value) => String(value))}]` : `an array of ${list.length}`;
}

function fail(doing: string, name: string, value: unknown, expected: string): never {
  const Kind = typeof value === "number" ? RangeError : TypeError;
  throw new Kind(`Cannot ${doing}: ${name} is ${show(value)}, not ${expected}`);
}

/** The error of a constructor that only the library calls, in JavaScript. */
export function madeByNew(what: string, cure: string): TypeError {
  return new TypeError(`Cannot make ${what} with new: use ${cure}`);
}

/**
 * Throws unless `value` is a number that is `valid`; `expected` describes such a number.
 *
 * `doing` completes "Cannot", as in "make SGD". A wrong number is a RangeError, anything else a TypeError.
 */
export function expectNumber(
  doing: string,
  name: string,
  value: unknown,
  valid: (value: number) => boolean,
  expected: string,
): void {
  if (typeof value !== "number" || !valid(value)) fail(doing, name, value, expected);
}

/** Whether `value` is finite as a float32. */
export function isFloat(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}

/** Throws unless `value` is a number that is finite as a float32. */
export function expectFinite(doing: string, name: string, value: unknown): void {
  expectNumber(doing, name, value, isFloat, "a finite number");
}

/** Throws unless `value` is a number that is finite as a float32, and not negative. */
export function expectFromZero(doing: string, name: string, value: unknown): void {
  expectNumber(doing, name, value, (n) => n >= 0 && isFloat(n), "a finite number from 0 on");
}

/** Throws unless `value` is a number in [0, 1), such as a momentum or a dropout rate. */
export function expectFraction(doing: string, name: string, value: unknown): void {
  expectNumber(doing, name, value, (n) => n >= 0 && n < 1, "in [0, 1)");
}

/** Throws unless `value` is an integer from 0 to `highest`. */
export function expectInteger(doing: string, name: string, value: unknown, highest: number): void {
  const valid = (n: number) => Number.isSafeInteger(n) && n >= 0 && n <= highest;
  expectNumber(doing, name, value, valid, `an integer from 0 to ${highest}`);
}

/** Throws unless `value` is a positive integer. */
export function expectPositive(doing: string, name: string, value: unknown): void {
  const valid = (n: number) => Number.isSafeInteger(n) && n > 0;
  expectNumber(doing, name, value, valid, "a positive integer");
}

/** The largest number of a step: it is a word of the random numbers' counter. */
export const MAX_WORD = 2 ** 32 - 1;

/** Throws unless `value` is an integer from 0 to 2^53 - 1. */
export function expectSeed(doing: string, value: unknown): void {
  expectInteger(doing, "seed", value, Number.MAX_SAFE_INTEGER);
}

/** Throws unless `value` is true or false. */
export function expectBoolean(doing: string, name: string, value: unknown): void {
  if (typeof value !== "boolean") fail(doing, name, value, "true or false");
}

/** Throws a TypeError unless `value` is a text. */
export function expectText(doing: string, name: string, value: unknown): asserts value is string {
  if (typeof value === "string") return;
  throw new TypeError(`Cannot ${doing}: ${name} is ${show(value)}, not a text`);
}

/** Throws a RangeError unless `value` is one of `choices`. */
export function expectOneOf(
  doing: string,
  name: string,
  value: unknown,
  choices: readonly string[],
): void {
  if (choices.includes(value as string)) return;
  const list = choices.map((choice) => JSON.stringify(choice)).join(", ");
  throw new RangeError(`Cannot ${doing}: ${name} is ${show(value)}, not one of ${list}`);
}

/** Throws a TypeError unless `value` is an object; `expected` describes it. */
export function expectObject(doing: string, name: string, value: unknown, expected: string): void {
  if (typeof value !== "object" || value === null) fail(doing, name, value, expected);
}

/**
 * Throws a TypeError unless `value` is an object that has none but these names, which are those of its type:
 * in JavaScript a misspelt option would have no effect, and nothing would say so.
 */
export function expectNames<T extends object>(
  doing: string,
  what: string,
  value: T,
  names: readonly (keyof T & string)[],
): void {
  expectObject(doing, what, value, "an object");
  for (const name in value) {
    if (names.includes(name)) continue;
    throw new TypeError(
      `Cannot ${doing}: ${show(name)} in ${what} is none of ${names.join(", ")}`,
    );
  }
}

/** Throws a TypeError unless `list` is an array, as of tensors. */
export function expectList(doing: string, name: string, list: unknown): void {
  if (Array.isArray(list)) return;
  throw new TypeError(`Cannot ${doing}: ${name} are ${show(list)}, not an array`);
}

/** Throws a TypeError unless `value` is a function. */
export function expectFunction(doing: string, name: string, value: unknown): void {
  if (typeof value !== "function") fail(doing, name, value, "a function");
}

/** Throws unless `shape` is an array of positive integers, few enough to be shown. */
export function expectSizes(doing: string, shape: unknown): void {
  const { elements } = MAX_SHOWN, expected = `an array of positive integers, ${elements} at most`;
  if (!Array.isArray(shape) || shape.length > elements) fail(doing, "its shape", shape, expected);
  for (const size of shape) {
    if (Number.isSafeInteger(size) && size > 0) continue;
    throw new RangeError(`Cannot ${doing} ${show(shape)}: sizes must be positive integers`);
  }
}

/** Throws the TypeError of an operation that takes one buffer, given a table of this shape in several. */
export function failInParts(doing: string, shape: readonly number[], buffers: number): never {
  throw new TypeError(
    `Cannot ${doing}: the table [${shape}] lies in ${buffers} buffers, which only look-ups, scorers of all ` +
      "classes, dropout, sums and optimizers take",
  );
}
