/** Times the variants of kernels for GPUs, and chooses the best. */

import type { Step } from "./autograd/step.ts";
import { zeros } from "./device/scope.ts";
import { FIXED_TUNING, NEVER, type Tuning } from "./device/tuning.ts";
import { sum } from "./elementwise/reduce.ts";
import type { Gpu } from "./gpu.ts";
import { matmulInto, type MatmulIntoOptions } from "./matmul/matmul.ts";
import { weightGradients } from "./matmul/weight_gradients.ts";
import { lstm } from "./recurrent/lstm.ts";

/** Part of its time that another variant must save to be taken, so that noise does not decide. */
const MARGIN = 0.05;
/** Turns of all variants: the least if these take so many ms. Both are odd: their median is one of the times. */
const TURNS = { least: 3, most: 5, ms: 500 };
/** Milliseconds that a variant runs in a turn, if need be several times. */
const RUN_MS = { stamped: 2, waited: 60 };
/** Most times that it runs in a turn. */
const MAX_RUNS = 256;

/** One choice: other values of a tuning, and work for whose sizes they matter. */
export interface Trial {
  readonly others: readonly Partial<Tuning>[];
  /** Makes what the work needs, owned by `step`; returns what records the work once. */
  readonly prepare: (step: Step, gpu: Gpu) => () => void;
}

/** Sizes from the language model's training: a large weight's gradient, a layer's products, long sums, LSTM layers. */
export const TRIALS: readonly Trial[] = [
  {
    others: [{ tallFrom: 1024 }, { tallFrom: NEVER }],
    prepare: products([[1024, 256, 1024], [2048, 256, 2048]], { transposeA: true }),
  },
  {
    others: [{ busy: 96 }, { busy: 192 }, { busy: 384 }],
    prepare: layerProducts({ N: 420, E: 200, M: 800 }),
  },
  {
    others: [{ minDepth: 128 }, { minDepth: 256 }],
    prepare: layerProducts({ N: 420, E: 200, M: 800 }),
  },
  {
    others: [{ longBusy: 768 }, { longBusy: 1536 }],
    prepare: products([[512, 256, 16_384]], {}),
  },
  {
    others: [{ wholeUnits: 0 }, { wholeUnits: 128 }, { wholeUnits: 320 }],
    prepare: layers([[12, 128], [12, 200], [12, 320]], { T: 6, E: 32 }),
  },
  {
    others: [{ wholeRows: 16 }, { wholeRows: 48 }, { wholeRows: 192 }],
    prepare: layers([[12, 200], [48, 200], [96, 200], [192, 200]], { T: 6, E: 32 }),
  },
];

/**
 * The tuning that suits `gpu`, by its own clock: each trial's variants run in turns, and one that is not the
 * fixed one must save 5 % of the median time. It takes two to four seconds, and computes nothing else meanwhile.
 *
 * A GPU does not take it by itself: `gpu.tuning = await tune(gpu)`. Another run may choose otherwise where
 * variants are close, so keep the result if later runs must give the same bits.
 *
 * @throws {DeviceError} If the GPU fails.
 */
export function tune(gpu: Gpu): Promise<Tuning> {
  return tuneBy(gpu, TRIALS);
}

/** The tuning by these trials. */
export async function tuneBy(gpu: Gpu, trials: readonly Trial[]): Promise<Tuning> {
  const before = gpu.tuning;
  let chosen = FIXED_TUNING;
  try {
    for (const { others, prepare } of trials) {
      const tunings = [chosen, ...others.map((other) => ({ ...chosen, ...other }))];
      chosen = tunings[winner(await timesOf(gpu, tunings, prepare))]!;
    }
    return chosen;
  } finally {
    gpu.tuning = before;
  }
}

/**
 * Which variant has the least median of its times, an odd number of each; 0, the first, unless it saves
 * {@linkcode MARGIN} of that one's.
 */
export function winner(times: readonly (readonly number[])[]): number {
  const medians = times.map((some) => some.toSorted((a, b) => a - b)[some.length >> 1] ?? NaN);
  const least = medians.reduce((best, ms, i) => ms < medians[best]! ? i : best, 0);
  return medians[least]! < (1 - MARGIN) * medians[0]! ? least : 0;
}

/** Milliseconds of the work with each tuning, turn by turn; the last one stays set. */
export async function timesOf(
  gpu: Gpu,
  tunings: readonly Tuning[],
  prepare: Trial["prepare"],
): Promise<number[][]> {
  using step = gpu.step();
  const work = prepare(step, gpu);
  const stamped = gpu.device.features.has("timestamp-query");
  const turn = (runs: number): Promise<number[]> => {
    const bodies = tunings.map((tuning) => () => {
      gpu.tuning = tuning;
      for (let i = 0; i < runs; i++) work();
    });
    return stamped ? gpu.time(...bodies) : timesByWaiting(gpu, bodies);
  };
  await turn(1); // compiles
  const once = await turn(1), ms = Math.min(...once);
  const wanted = stamped ? RUN_MS.stamped : RUN_MS.waited;
  const runs = ms > 0 ? Math.min(MAX_RUNS, Math.ceil(wanted / ms)) : MAX_RUNS;
  const turns = runs === 1 ? [once] : [], start = performance.now();
  while (turns.length < TURNS.least) turns.push(await turn(runs));
  const isFast = performance.now() - start < TURNS.ms;
  while (isFast && turns.length < TURNS.most) turns.push(await turn(runs));
  return tunings.map((_, i) => turns.map((times) => times[i]!));
}

/** What gpu.time() gives, by the CPU's clock, for adapters without timestamps. */
async function timesByWaiting(gpu: Gpu, bodies: readonly (() => void)[]): Promise<number[]> {
  const times = [];
  for (const body of bodies) {
    await gpu.finish();
    const start = performance.now();
    body();
    await gpu.finish();
    times.push(performance.now() - start);
  }
  return times;
}

/** Work: products of sizes [m, n, k]. */
export function products(
  sizes: readonly (readonly [m: number, n: number, k: number])[],
  options: MatmulIntoOptions,
): Trial["prepare"] {
  return (step, gpu) => {
    const operands = sizes.map(([m, n, k]) => ({
      a: zeros(step, options.transposeA ? [k, m] : [m, k]),
      b: zeros(step, [k, n]),
      c: step.tensor([m, n]),
    }));
    return () => operands.forEach(({ a, b, c }) => matmulInto(gpu, c, a, b, options));
  };
}

/** Work: the products of an LSTM layer from E inputs to M gates, for N rows; its states are as wide as x. */
export function layerProducts(
  { N, E, M }: { readonly N: number; readonly E: number; readonly M: number },
): Trial["prepare"] {
  return (step, gpu) => {
    const x = zeros(step, [N, E]), weight = zeros(step, [M, E]), dGates = zeros(step, [N, M]);
    const gates = step.tensor([N, M]), dx = step.tensor([N, E]), dBias = step.tensor([M]);
    const [dInput, dState] = [step.tensor([M, E]), step.tensor([M, E])];
    return () => {
      matmulInto(gpu, gates, x, weight, { transposeB: true });
      matmulInto(gpu, dx, dGates, weight);
      weightGradients(gpu, [
        { dOut: dGates, x, dWeight: dInput, dBias },
        { dOut: dGates, x, dWeight: dState },
      ]);
    };
  };
}

/** Work: LSTM layers of sizes [B, H], forward and backward. */
export function layers(
  sizes: readonly (readonly [B: number, H: number])[],
  { T, E }: { readonly T: number; readonly E: number },
): Trial["prepare"] {
  return (step, gpu) => {
    const made = sizes.map(([B, H]) => {
      const weights = {
        weightIh: zeros(step, [4 * H, E]),
        weightHh: zeros(step, [4 * H, H]),
        biasIh: zeros(step, [4 * H]),
        biasHh: zeros(step, [4 * H]),
      };
      for (const weight of Object.values(weights)) weight.requiresGrad = true;
      return { x: zeros(step, [T, B, E]), weights };
    });
    return () => {
      using own = gpu.step({ training: true, number: 0 }); // which a program's own count leaves out
      for (const { x, weights } of made) own.backward(sum(own, lstm(own, x, weights).output));
    };
  };
}
