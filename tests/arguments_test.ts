// Wrong arguments, as users of JavaScript give them: always an error of our own text, with nothing left on the
// GPU and no error of WebGPU, whatever is called.

import { assert, assertEquals } from "@std/assert";
import { wrongCalls } from "./support/arguments.ts";
import * as nce from "./support/library.ts";
import * as operations from "../kernels/ops.ts";
import { callees } from "./support/callees.ts";
import { reasonOf } from "../example/shared/errors.ts";
import { withGpu } from "./support/gpu.ts";

/** Errors of our own begin with this; some of the engine's do, too, such as "Cannot read properties of undefined". */
const OWN = /^Cannot (?!(?:read|set) propert|destructure)/;

/** What is not called with arguments of a user's: errors, bases of classes, constants, what steps and Gpus make, what is awaited. */
const NOT_CALLED = [
  ...["NoAdapterError", "MissingFeatureError", "DeviceError", "OutOfMemoryError"],
  ...["KernelCompileError", "UseAfterDisposeError"],
  ...["Gpu", "Step", "Tensor", "Gradients", "Module", "Optimizer", "Recurrent", "auditGradient"],
  ...[
    "Communicator",
    "ALONE",
    "backwardAcross",
    "fetchRows",
    "FIXED_TUNING",
    "SCORE_LIMITS",
    "tune",
  ],
];

Deno.test("whatever argument is wrong, the error is our own, an operation's names it, and nothing is left on the GPU", () =>
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    const all = callees(gpu, stack);
    const covered = new Set([...Object.keys(all), ...NOT_CALLED]);
    for (const name of Object.keys(nce)) assert(covered.has(name), `${name} is not in the table`);
    const failures: string[] = [];
    for (const [name, callee] of Object.entries(all)) {
      for (const { what, args } of wrongCalls(callee)) {
        const before = gpu.memory.buffers;
        const result = outcome(() => callee.call(...args));
        const isMade = /^[A-Z]\w*$/.test(name) && gpu.memory.buffers !== before;
        const isOperation = name in operations, isNamed = !isOperation || result.includes(name);
        if (!OWN.test(result) || !isNamed) failures.push(`${name}, ${what}: ${result}`);
        if (isMade) failures.push(`${name}, ${what}: buffers are left`);
      }
    }
    assertEquals(failures, []);
    await gpu.finish();
  }));

Deno.test("the arguments that the table calls good are", () =>
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    for (const [name, { call, args }] of Object.entries(callees(gpu, stack))) {
      if (["SGD.step", "LocalSteps.step", "Step.backward", "Gpu.dispatch"].includes(name)) continue; // need more than arguments
      assertEquals(outcome(() => call(...args)), "", name);
    }
    await gpu.finish();
  }));

function outcome(run: () => unknown): string {
  try {
    run();
    return "";
  } catch (error) {
    return reasonOf(error);
  }
}
