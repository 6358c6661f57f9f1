/** Kernels on tables, whose floats have 32 bits or 16. */

import floatsStored from "./_floats_stored.wgsl" with { type: "text" };
import halvesFour from "./_halves_four.wgsl" with { type: "text" };
import halvesStored from "./_halves_stored.wgsl" with { type: "text" };
import halvesTwo from "./_halves_two.wgsl" with { type: "text" };
import type { DType } from "./dtype.ts";
import { expectFloats, expectStep, Tensor } from "./tensor.ts";
import { type VecSource, withVec } from "./vec.ts";

/** The variant of a kernel for rows of a width, and a table's element type. */
export type TableKernel = (width: number, dtype: DType) => VecSource;

/**
 * The variants of `source`, in which a table's elements are `Stored`, all else's `Vec`, and `loaded(stored)` is
 * a Vec. Rows of 16-bit floats have an even width. A launch of their variant says so (`halves`).
 */
export function withTable(source: string): TableKernel {
  const ofFloats = withVec(floatsStored + source);
  const two = { source: halvesTwo + halvesStored + source, vec: 2 } as const;
  const four = { source: halvesFour + halvesStored + source, vec: 4 } as const;
  return (width, dtype) => dtype !== "f16" ? ofFloats(width) : width % 4 === 0 ? four : two;
}

/** Throws a TypeError unless `step` is a step, and `table` holds floats, of 32 bits or of 16. */
export function expectTable(
  op: string,
  step: Parameters<typeof expectStep>[1],
  table: unknown,
  name = "table",
): asserts table is Tensor {
  if (table instanceof Tensor && table.dtype === "f16") expectStep(op, step);
  else expectFloats(op, step, { [name]: table });
}
