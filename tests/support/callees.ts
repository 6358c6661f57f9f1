/** Everything callable that the entries export, with valid arguments and their kinds. */

import type { Callee } from "./arguments.ts";
import { sceneOf } from "./callee_scene.ts";
import { deviceCallees } from "./device_callees.ts";
import { layerCallees } from "./layer_callees.ts";
import type { Gpu } from "./library.ts";
import { noiseCallees } from "./noise_callees.ts";
import { operationCallees } from "./operation_callees.ts";

/** Everything callable, by exported name or `Class.method`. */
export function callees(gpu: Gpu, stack: DisposableStack): Record<string, Callee> {
  const scene = sceneOf(gpu, stack);
  return {
    ...operationCallees(scene),
    ...noiseCallees(scene),
    ...layerCallees(scene),
    ...deviceCallees(scene),
  };
}
