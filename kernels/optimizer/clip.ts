/** The global norm of gradients, and the factor that clips it. */

import type { SummedGradient } from "../autograd/gradients.ts";
import type { Device } from "../device/device.ts";
import { forParts, numbered } from "../device/for_parts.ts";
import { setsBound } from "../device/part_bindings.ts";
import workgroupSum from "../elementwise/_workgroup_sum.wgsl" with { type: "text" };
import clipSource from "./clip.wgsl" with { type: "text" };
import squaresSource from "./squares.wgsl" with { type: "text" };
import { partsOf, type Tensor } from "../device/tensor.ts";

const squares = workgroupSum + squaresSource;

/** Stands for no limit, as WGSL has no infinity. */
const UNLIMITED = 3.4e38;

/**
 * Writes the global norm of `gradients` and the factor `min(1, clip / (norm + 1e-6))` to `out` [2].
 * `clip` may be Infinity: then the factor is 1, also where the norm is beyond float32.
 */
export function clipScale(
  gpu: Device,
  out: Tensor,
  gradients: readonly SummedGradient[],
  clip: number,
): void {
  const terms = gradients.flatMap(termsOf), n = sharesOf(gpu, terms);
  using partials = gpu.temporary([n]);
  for (let offset = 0, at = 0; at < terms.length;) {
    const some = terms.slice(at, at += setsBound(gpu, 1, 1));
    sumSquares(gpu, partials, offset, some);
    offset += sharesOf(gpu, some);
  }
  gpu.dispatch({
    label: "clip",
    source: clipSource,
    inputs: [partials],
    outputs: [out],
    uniform: { n, clip: Math.min(clip, UNLIMITED) },
    grid: 1,
  });
}

/** What is summed: squares, or what is a sum of squares already. */
interface Term {
  readonly tensor: Tensor;
  readonly plain: boolean;
}

function termsOf(gradient: SummedGradient): Term[] {
  if (gradient.kind === "tiled") return [{ tensor: gradient.sumOfSquares, plain: true }];
  if (gradient.kind === "sparse" && gradient.sumOfSquares) {
    return [{ tensor: gradient.sumOfSquares, plain: true }];
  }
  const values = gradient.kind === "dense" ? gradient : gradient.values;
  return partsOf(values).map((tensor) => ({ tensor, plain: false }));
}

/** Shares of a tensor at most: workgroups cost a CPU more than rounds of a loop. */
const MAX_SHARES = { software: 16, hardware: 512 };

/** Shares into which squares.wgsl cuts the terms. */
function sharesOf({ family }: Device, terms: readonly Term[]): number {
  const shares = ({ tensor }: Term) => Math.min(MAX_SHARES[family], Math.ceil(tensor.size / 1024));
  return terms.reduce((n, term) => n + shares(term), 0);
}

function sumSquares(gpu: Device, partials: Tensor, offset: number, terms: readonly Term[]): void {
  gpu.dispatch({
    label: "squares",
    source: forParts(squares, terms.length),
    constants: { MAX_SHARES: MAX_SHARES[gpu.family] },
    inputs: terms.map(({ tensor }) => tensor),
    outputs: [partials],
    uniform: {
      offset,
      plain: terms.reduce((bits, { plain }, i) => plain ? bits + 2 ** i : bits, 0),
      ...numbered(terms.map(({ tensor }) => tensor.size)),
    },
    grid: sharesOf(gpu, terms),
  });
}
