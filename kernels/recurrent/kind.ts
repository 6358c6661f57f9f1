/** The kinds of recurrent layers, and the WGSL of their time steps. */

import type { Compute } from "../device/adapter.ts";
import { type VecSource, withVec } from "../device/vec.ts";
import { texelSource } from "../matmul/matmul_texel.ts";
import { withWeight } from "../matmul/weight.ts";
import packed from "./_packed_weight.wgsl" with { type: "text" };
import shared from "./_recurrent.wgsl" with { type: "text" };
import wholeRows from "./recurrent_rows.wgsl" with { type: "text" };
import splitSums from "./recurrent_split.wgsl" with { type: "text" };
import wholeStep from "./recurrent_step.wgsl" with { type: "text" };
import texelsBackward from "./recurrent_texels_backward.wgsl" with { type: "text" };
import texelsForward from "./recurrent_texels_forward.wgsl" with { type: "text" };

/** Which way a layer runs over time. */
export type Direction = "forward" | "backward";

/** WGSL by what the weight is read in. */
type WeightSource = Readonly<Record<Compute, VecSource>>;

/** A kind of layer. */
export interface RecurrentKind {
  /** The layer's name, in errors and profiles. */
  readonly name: string;
  /** G, the number of gates. */
  readonly gates: number;
  /** WGSL of a time step whose product is a launch of its own, by the width of a state. */
  readonly split: (width: number) => VecSource;
  /** WGSL of a whole time step from texels, for widths of a multiple of four. */
  readonly texels: Readonly<Record<Direction, WeightSource>>;
  /** WGSL of a whole time step for GPUs. */
  readonly step: WeightSource;
  /** WGSL of all time steps for GPUs. */
  readonly rows: WeightSource;
}

/** A kind of layer; `cell` is the WGSL of what becomes of a unit's sums. */
export function recurrentKind(name: string, gates: number, cell: string): RecurrentKind {
  const variant = (...parts: string[]) => withVec([shared, cell, ...parts].join("\n"));
  const weighted = ({ source, vec }: VecSource): WeightSource => {
    const { f32, f16 } = withWeight(source);
    return { f32: { source: f32, vec }, f16: { source: f16, vec } };
  };
  return {
    name,
    gates,
    split: variant(splitSums),
    texels: {
      forward: weighted(variant(texelSource, texelsForward)(4)),
      backward: weighted(variant(texelSource, texelsBackward)(4)),
    },
    step: weighted(variant(packed, wholeStep)(1)),
    rows: weighted(variant(packed, wholeRows)(1)),
  };
}
