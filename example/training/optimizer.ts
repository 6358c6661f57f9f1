/** The optimizer of a run. */

import type { Gpu } from "../../mod.ts";
import { Adagrad, Adam, type NamedParameter, type Optimizer, SGD } from "../../nce/nn/mod.ts";
import type { Settings } from "../options/options.ts";
import { formatCount, formatNumber } from "../shared/format.ts";

/** Makes the optimizer that `settings` name. */
export function makeOptimizer(
  gpu: Gpu,
  parameters: readonly NamedParameter[],
  settings: Settings,
): Optimizer {
  const { lr, weightDecay, clip, seed, momentum } = settings;
  const common = { lr, weightDecay, clip, seed };
  switch (settings.optimizer) {
    case "sgd":
      return new SGD(gpu, parameters, { ...common, momentum });
    case "adagrad":
      return new Adagrad(gpu, parameters, common);
    case "rowwise-adagrad":
      return new Adagrad(gpu, parameters, { ...common, rowwise: true });
    case "adam":
      return new Adam(gpu, parameters, common);
  }
}

/** Describes the optimizer and the learning rate: a line at the start of a run. */
export function describeOptimizer(settings: Settings): string {
  const { optimizer, lr, momentum, warmup, clip, weightDecay, syncEvery } = settings;
  const { outerLr, outerMomentum } = settings;
  return [
    optimizer,
    `lr ${formatNumber(lr)}`,
    ...(optimizer === "sgd" && momentum > 0 ? [`momentum ${momentum}`] : []),
    ...(warmup > 0 ? [`warm-up over ${formatCount(warmup)} steps`] : []),
    `clip ${formatNumber(clip)}`,
    `weight decay ${formatNumber(weightDecay)}`,
    ...(syncEvery > 1 ? [`the ranks' mean every ${formatCount(syncEvery)} steps`] : []),
    ...(outerLr !== 1 ? [`outer lr ${formatNumber(outerLr)}`] : []),
    ...(outerMomentum > 0 ? [`outer momentum ${outerMomentum}`] : []),
  ].join(", ");
}
