/** The device, its tensors, steps and gradients. */

import { type Callee, kinds, optional } from "./arguments.ts";
import { E, N, type Scene, untyped } from "./callee_scene.ts";
import * as nce from "./library.ts";
import { values } from "../reference/data.ts";

const { floats: F, positive, word, seed, tensor: TENSOR, shape, data, flag, choice, call, text } =
  kinds;

/** Methods of the device, of steps, gradients and tensors, by `Class.method`. */
export function deviceCallees(
  { gpu, step, up, x, parameter, owned, m }: Scene,
): Record<string, Callee> {
  const launch = { label: "x", source: "", inputs: [], outputs: [x], grid: 1 };
  return {
    "Gpu.step": m(gpu, "step", [{}], [{
      ...{ training: optional(flag), seed: optional(seed), number: optional(word) },
      part: (value) => value === undefined,
    }]),
    "Gpu.tensor": { call: owned(gpu, "tensor"), args: [[2]], kinds: [shape, optional(data)] },
    "Gpu.table": {
      call: owned(gpu, "table"),
      args: [[2], undefined, "f32"],
      kinds: [shape, optional(data), optional(choice)],
    },
    "Gpu.temporary": {
      call: owned(gpu, "temporary"),
      args: [[2], "u32"],
      kinds: [shape, optional(choice)],
    },
    "Gpu.tuning": {
      call: (tuning) => void Object.assign(gpu, { tuning }),
      args: [nce.FIXED_TUNING],
      kinds: [{
        ...{ tallFrom: word, busy: word, minDepth: word, longBusy: word },
        ...{ wholeRows: word, wholeUnits: word },
      }],
    },
    isTuning: { call: untyped(nce.isTuning), args: [{}], kinds: [] },
    "Gpu.write": m(gpu, "write", [x, values(N * E, 2)], [TENSOR, data]),
    "Gpu.clear": m(gpu, "clear", [up(2)], [TENSOR]),
    "Gpu.copy": m(gpu, "copy", [x, up(N, E), {}], [F, F, {
      ...{ fromStart: optional(word), toStart: optional(word), count: optional(positive) },
    }]),
    "Gpu.dispatch": m(gpu, "dispatch", [launch], [{
      ...{ label: text, source: text, inputs: Array.isArray, outputs: Array.isArray },
      grid: positive,
    }]),
    "Gpu.expectFitting": m(gpu, "expectFitting", [[2]], [shape]),
    "Step.upload": m(step, "upload", [values(6, 1), [2, 3]], [data, optional(shape)]),
    "Step.tensor": m(step, "tensor", [[2]], [shape, optional(choice)]),
    "Step.randomKey": m(step, "randomKey", [new nce.RandomStream("own")], [
      (value) => value instanceof nce.RandomStream,
    ]),
    "Step.keep": m(step, "keep", [parameter], [TENSOR]),
    "Gradients.get": m(new nce.Gradients(step), "get", [x], [TENSOR]),
    "Gradients.toDense": m(new nce.Gradients(step), "toDense", [x], [TENSOR]),
    "Step.own": m(step, "own", [up(2)], [TENSOR]),
    "Step.reshape": m(step, "reshape", [x, [E, N]], [TENSOR, shape]),
    "Step.record": m(
      step,
      "record",
      [{ name: "own", inputs: [x], output: x, backward: () => [] }],
      [{
        ...{ inputs: Array.isArray, output: TENSOR, backward: call },
      }],
    ),
    "Step.backward": m(step, "backward", [x], [() => false]),
    "Tensor.reshape": { call: owned(parameter, "reshape"), args: [[2]], kinds: [() => false] },
    "Tensor.slice": { call: owned(up(4, 64), "slice"), args: [1, 2], kinds: [word, positive] },
  };
}
