/** Divergence of training: where it happened, and which option is the likely cause. */

import type { Gpu } from "../../mod.ts";
import type { NamedParameter } from "../../nce/nn/mod.ts";
import { sum } from "../../kernels/ops.ts";
import { DEFAULT_LR } from "../options/choices.ts";
import { Failure } from "../shared/errors.ts";
import { formatNumber } from "../shared/format.ts";
import type { Ranks } from "../shared/ranks.ts";
import type { Settings } from "../options/options.ts";
import type { Position } from "../storage/checkpoint.ts";

/** Thrown when a loss, a perplexity or a parameter is no longer finite. */
export class Diverged extends Error {
  override readonly name = "Diverged";

  /** `what` is not finite. */
  constructor(
    what: string,
    { step, epoch, batch }: Pick<Position, "step" | "epoch"> & Partial<Pick<Position, "batch">>,
  ) {
    const inEpoch = batch === undefined ? "" : `, batch ${batch}`;
    super(`${what} is not finite at step ${step} (epoch ${epoch}${inEpoch})`);
  }
}

/** The Failure that ends a diverged run. */
export function divergence(error: Diverged, settings: Settings, vocabularySize: number): Failure {
  return new Failure(
    `Training has diverged: ${error.message}; try ${likelyCure(settings, vocabularySize)}`,
    { cause: error },
  );
}

/** Advice: the option that is farthest from values known to be stable. */
export function likelyCure(settings: Settings, vocabularySize: number): string {
  const { optimizer, lr, clip, weightDecay, selfNorm, normTerm, loss } = settings;
  const smaller = (option: string, value: number) =>
    `a smaller --${option} (it is ${formatNumber(value)})`;
  const isShifted = loss === "nce" || loss === "mix" || selfNorm > 0;
  const logZ = Math.log(vocabularySize);
  // Each option with its ratio to the largest value known to work well.
  const suspects: [number, string][] = [
    [lr / (2 * DEFAULT_LR[optimizer]), smaller("lr", lr)],
    [clip / 5, smaller("clip", clip)],
    [
      optimizer === "sgd" ? lr * weightDecay / 0.05 : weightDecay,
      smaller("weight-decay", weightDecay),
    ],
    [selfNorm / 1, smaller("self-norm", selfNorm)],
    [
      isShifted && typeof normTerm === "number" ? Math.abs(normTerm - logZ) / 10 : 0,
      `--norm-term auto (it is ${normTerm}, and the log of the vocabulary size ${logZ.toFixed(1)})`,
    ],
  ];
  const [, cure] = suspects.reduce((worst, next) => next[0] > worst[0] ? next : worst);
  return cure;
}

/**
 * Name of a parameter with an element that is not finite; undefined if there is none.
 *
 * @throws {Failure} If the ranks' parameters differ.
 */
export async function badParameter(
  gpu: Gpu,
  parameters: readonly NamedParameter[],
  ranks: Ranks,
): Promise<string | undefined> {
  using sums = gpu.tensor([parameters.length]);
  {
    using step = gpu.step();
    parameters.forEach(([, parameter], toStart) => {
      gpu.copy(sum(step, parameter), sums, { toStart }); // infinities and NaN show in a sum
    });
  }
  const found = await gpu.readFloats(sums);
  const divided = found.map((sum, i) => parameters[i]![1].shard ? sum : 0);
  await ranks.communicator.sum(divided);
  parameters.forEach(([, { shard }], i) => {
    if (shard) found[i] = divided[i]!;
  });
  await ranks.expectSame([{
    what: "model after the same steps",
    value: found.join(),
    hint: "ranks need the same adapter and driver",
  }]);
  return parameters[found.findIndex((value) => !Number.isFinite(value))]?.[0];
}
