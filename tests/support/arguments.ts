/** For tests of arguments: kinds of parameters, and values that they must reject. */

import { Gpu, Step, Tensor } from "../../mod.ts";

/** Values that JavaScript users may pass by mistake. */
export const MISTAKES: readonly unknown[] = [
  ...[undefined, null, NaN, -1, 0, 1.5, 2 ** 53, Infinity, "3", true, {}, [], ["a"], [NaN], [-2]],
  ...[() => 1, Float64Array.of(1, 2), Int32Array.of(1), new Map(), Symbol.iterator],
];

/** Whether a parameter accepts a value; otherwise the library must throw its own error. */
export type Kind = (value: unknown) => boolean;

const isNumber = (value: unknown): value is number => typeof value === "number";
const isObject: Kind = (value) => typeof value === "object" && value !== null;

/** Kinds of parameters. */
export const kinds = {
  gpu: (value) => value instanceof Gpu,
  step: (value) => value instanceof Step,
  floats: (value) => value instanceof Tensor && value.dtype === "f32",
  ids: (value) => value instanceof Tensor && value.dtype === "u32",
  tensor: (value) => value instanceof Tensor,
  finite: Number.isFinite,
  positive: (value) => Number.isSafeInteger(value) && Number(value) > 0,
  word: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32,
  seed: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  rate: (value) => isNumber(value) && value >= 0 && value < 1,
  weight: (value) => isNumber(value) && value >= 0 && value < Infinity,
  lr: (value) => isNumber(value) && value > 0 && value < Infinity,
  clip: (value) => isNumber(value) && value > 0,
  flag: (value) => typeof value === "boolean",
  data: (value) => value instanceof Float32Array || value instanceof Uint32Array,
  shape: (value) => Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n > 0),
  counts: (value) => isObject(value) && !(value instanceof Map) && "length" in Object(value),
  text: (value) => typeof value === "string",
  call: (value) => typeof value === "function",
  object: isObject,
  choice: () => false, // no mistake is one of the choices
} satisfies Record<string, Kind>;

/** An optional parameter. */
export function optional(kind: Kind): Kind {
  return (value) => value === undefined || kind(value);
}

/** Parameters in an options object, by name. */
export type Fields = Readonly<Record<string, Kind>>;

/** A callable with valid arguments and their kinds. */
export interface Callee {
  /** Runs it. */
  readonly call: (...args: unknown[]) => unknown;
  /** Valid arguments. */
  readonly args: readonly unknown[];
  /** Kinds of the arguments; fields for an options object, which has no others unless all are needed. */
  readonly kinds: readonly (Kind | Fields)[];
  /** Whether an object may hold more than its fields: what another call has returned. */
  readonly open?: boolean;
}

/** Every wrong call of `callee`, with a description. */
export function* wrongCalls(callee: Callee): Generator<{ what: string; args: unknown[] }> {
  for (const [i, kind] of callee.kinds.entries()) {
    const replaced = (value: unknown) => Object.assign([...callee.args], { [i]: value });
    const name = `argument ${i}`;
    if (typeof kind === "function") {
      for (const value of refused(kind)) {
        yield { what: `${name} is ${show(value)}`, args: replaced(value) };
      }
      continue;
    }
    // An object without its fields may still be valid.
    for (const value of refused(optional(isObject))) {
      yield { what: `${name} is ${show(value)}`, args: replaced(value) };
    }
    if (!callee.open && Object.values(kind).some((of) => of(undefined))) {
      const options = { ...Object(callee.args[i]), misspelt: 1 };
      yield { what: `${name} has a misspelt field`, args: replaced(options) };
    }
    for (const [field, of] of Object.entries(kind)) {
      for (const value of refused(of)) {
        const options = { ...Object(callee.args[i]), [field]: value };
        yield { what: `${name}, ${field} is ${show(value)}`, args: replaced(options) };
      }
    }
  }
}

function refused(kind: Kind): unknown[] {
  return MISTAKES.filter((value) => !kind(value));
}

function show(value: unknown): string {
  return typeof value === "symbol" ? "a symbol" : Deno.inspect(value, { compact: true });
}
