/** The ways in which a recurrent layer goes from one time step to the next. */

import { dispatchTexels } from "../device/device.ts";
import type { TexelLaunch } from "../device/launch.ts";
import { makeTexels } from "../device/make_texels.ts";
import type { Tensor } from "../device/tensor.ts";
import type { VecSource } from "../device/vec.ts";
import { matmulInto } from "../matmul/matmul.ts";
import { readsTexels, texelTileOf } from "../matmul/matmul_texel.ts";
import type { Direction } from "./kind.ts";
import type { RecurrentRun } from "./recurrent.ts";
import { lastAt } from "./states.ts";

/** One pass over time. */
export interface TimePass {
  /** From the first time step on, or from the last one back. */
  readonly direction: Direction;
  /** What the weight is multiplied with: `hidden` forward, the gradient of the gates' state part backward. */
  readonly states: Tensor;
  /** What else the cell reads. */
  readonly inputs: readonly Tensor[];
  /** What the cell writes. */
  readonly outputs: Tensor[];
}

/** Runs a layer's time steps, in the way that suits the adapter. */
export function overTime(run: RecurrentRun, pass: TimePass): void {
  const { gpu, H } = run;
  const whole = readsTexels(gpu) && H % 4 === 0;
  const each = gpu.family === "hardware" ? onGpu : whole ? texelSteps : splitSteps;
  each(run, pass);
}

/** For software adapters that read texels: product and cells in one launch a step. */
function texelSteps(run: RecurrentRun, pass: TimePass): void {
  const { direction, states } = pass;
  const { gpu, kind: { gates, texels }, B, H, fromZero } = run, weight = run.weight[direction]!;
  const source = texels[direction][gpu.compute];
  const forward = direction === "forward", shape = [B, forward ? H : gates * H];
  // What a step's product reads and, in turn, what it writes for the next one.
  using even = makeTexels(gpu, shape), odd = makeTexels(gpu, shape);
  using initial = forward && !fromZero ? states.slice(0, 1) : undefined; // else that step reads none
  const tile = texelTileOf(gpu, B);
  const units = forward ? tile.LANES : 4 * tile.LANES; // of a tile
  const grid = [Math.ceil(H / units), Math.ceil(B / tile.ROWS), 1] as const;
  order(run, direction).forEach((t, i) => {
    const [now, next] = i % 2 === 0 ? [even, odd] : [odd, even];
    launch(run, pass, {
      ...{ source, first: weight, steps: [t], grid, constants: tile, subgroups: true },
      ...{ texels: [i === 0 && initial ? initial : now, weight], texelsOut: next },
    });
  });
}

/** For other software adapters: the product by its own kernel, then the cells. */
function splitSteps(run: RecurrentRun, pass: TimePass): void {
  const { direction, states } = pass;
  const { gpu, kind: { gates, split }, T, B, H, fromZero } = run, weight = run.weight[direction]!;
  const forward = direction === "forward";
  const [width, sumsWidth] = forward ? [H, gates * H] : [gates * H, H];
  using rows = states.reshape([states.size / width, width]);
  using sums = gpu.temporary([B, sumsWidth]);
  for (const t of order(run, direction)) {
    const row = forward ? t * B : (t + 1) * B;
    if (forward ? t > 0 || !fromZero : t < T - 1) {
      matmulInto(gpu, sums, rows, weight, { transposeB: forward, row, kernel: "register" });
    }
    launch(run, pass, { source: split(H), first: sums, steps: [t] });
  }
}

/** For GPUs: product and cells in one launch, for all steps where there are few rows, else for one. */
function onGpu(run: RecurrentRun, pass: TimePass): void {
  const { direction } = pass, { gpu, kind, B, H } = run, { wholeRows, wholeUnits } = gpu.tuning;
  using first = run.weight[direction]!; // a copy for this pass alone
  const constants = rowConstants(run, direction);
  if (constants !== undefined && B <= wholeRows && H <= wholeUnits) {
    const source = kind.rows[gpu.compute];
    return launch(run, pass, { source, first, steps: [0], constants, grid: B });
  }
  const source = kind.step[gpu.compute];
  const grid = [Math.ceil(H / 16), Math.ceil(B / 16), 1] as const;
  const shares = gpu.device.limits.maxComputeInvocationsPerWorkgroup < 512 ? 1 : 2;
  launch(run, pass, {
    source,
    first,
    steps: order(run, direction),
    constants: { SHARES: shares },
    grid,
  });
}

/** The constants of recurrent_rows.wgsl; undefined where a workgroup cannot hold a row's units. */
function rowConstants({ gpu, H }: RecurrentRun, direction: Direction) {
  const { limits } = gpu.device;
  const fours = Math.ceil(H / 4), UNITS = 4 * fours;
  const threads = Math.min(
    limits.maxComputeInvocationsPerWorkgroup,
    limits.maxComputeWorkgroupStorageSize / 16 - UNITS - fours, // a vec4f each, beside the units' states
  );
  const slices = Math.min(Math.floor(threads / UNITS), fours);
  if (slices <= 0) return undefined;
  return direction === "forward"
    ? { FORWARD: 1, UNITS, LANES: UNITS, SLICES: slices }
    : { FORWARD: 0, UNITS, LANES: UNITS / 4, SLICES: 4 * slices };
}

function order({ T }: RecurrentRun, direction: Direction): number[] {
  return Array.from({ length: T }, (_, i) => direction === "forward" ? i : T - 1 - i);
}

/** A kernel of the layer, which has an entry point for each direction. */
interface TimeKernel
  extends Partial<Pick<TexelLaunch, "grid" | "constants" | "subgroups" | "texels" | "texelsOut">> {
  readonly source: VecSource;
  /** What it reads before the resets and the pass's inputs. */
  readonly first: Tensor;
  /** The time steps, a run each; [0] if a run takes all. */
  readonly steps: readonly number[];
}

/** Launches a kernel of the layer; a thread for each Vec of a state unless said. */
function launch(
  { gpu, kind, T, B, H, resets, fromZero }: RecurrentRun,
  { direction, inputs, outputs }: TimePass,
  { source: { source, vec }, first, steps, ...how }: TimeKernel,
): void {
  dispatchTexels(gpu, {
    label: `${kind.name}.${direction}`,
    source,
    entry: direction,
    inputs: [first, resets ?? first, ...inputs],
    outputs,
    uniform: {
      B,
      H: H / vec,
      T,
      last: lastAt(T * B * H) / vec,
      from_zero: Number(fromZero),
      with_resets: Number(resets !== undefined),
    },
    runs: steps.map((t) => ({ t })),
    grid: Math.ceil(B * H / vec / 64),
    ...how,
    constants: { GATES: kind.gates, ...how.constants },
  });
}
