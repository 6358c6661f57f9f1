// Compiled kernels: one for everything that changes the code, found again by equal code.

import { assert, assertEquals } from "@std/assert";
import { Faults } from "../../../kernels/device/faults.ts";
import {
  type BindingCounts,
  type KernelCode,
  PipelineCache,
} from "../../../kernels/device/pipelines.ts";
import { withGpu } from "../../support/gpu.ts";

const CODE: KernelCode = {
  label: "test",
  source: `override A = 1u;
    override B = 1u;
    @compute @workgroup_size(1) fn main() {}
    @compute @workgroup_size(A) fn other() {}`,
};
const COUNTS: BindingCounts = { inputs: 1, outputs: 1, texels: ["rgba32float"], texelsOut: 0 };

Deno.test("kernels that differ in entry, constants, bindings, texels or subgroups are not taken for one another", () =>
  withGpu(async ({ device }) => {
    const faults = new Faults(device, () => "");
    const uniforms = device.createBindGroupLayout({ entries: [] });
    const cache = new PipelineCache(device, faults, uniforms, "// with subgroups\n");
    const variants: [Partial<KernelCode>, Partial<BindingCounts>][] = [
      [{}, {}],
      [{ entry: "other" }, {}],
      [{ constants: { A: 2 } }, {}],
      [{ constants: { A: 3 } }, {}],
      [{ constants: { B: 2 } }, {}],
      [{ constants: { A: 2, B: 2 } }, {}],
      [{ constants: { A: 5, B: 2 } }, {}],
      [{ constants: { A: 5 } }, {}],
      [{ entry: "other", constants: { A: 2 } }, {}],
      [{ subgroups: true }, {}],
      [{ source: `${CODE.source}\n` }, {}],
      [{}, { inputs: 2 }],
      [{}, { outputs: 2 }],
      [{}, { inputs: 2, outputs: 0 }],
      [{}, { texels: [] }],
      [{}, { texels: ["rgba16float"] }],
      [{}, { texels: ["rgba32float", "rgba32float"] }],
      [{}, { texelsOut: 1 }],
      [{}, { texels: [], texelsOut: 1 }],
    ];
    const pipelines = variants.map(([code, counts]) =>
      cache.get({ ...CODE, ...code }, { ...COUNTS, ...counts }).pipeline
    );
    assertEquals(new Set(pipelines).size, variants.length);
    for (const [i, [code, counts]] of variants.entries()) {
      assert(cache.get({ ...CODE, ...code }, { ...COUNTS, ...counts }).pipeline === pipelines[i]);
    }
    for (const same of [{ subgroups: false }, { entry: "main" }, { constants: {} }]) {
      assert(cache.get({ ...CODE, ...same }, COUNTS).pipeline === pipelines[0]);
    }
    const layouts = [{ inputs: 2, outputs: 0 }, { inputs: 1, outputs: 1 }].map((counts) =>
      cache.get(CODE, { ...COUNTS, ...counts }).layout
    );
    assertEquals(new Set(layouts).size, 2);
    const texels = [{ texels: [] }, { texels: ["rgba16float"] }, {}].flatMap((counts) =>
      [0, 1].map((texelsOut) =>
        cache.get(CODE, { ...COUNTS, ...counts as Partial<BindingCounts>, texelsOut }).texelLayout
      )
    );
    assertEquals(new Set(texels).size, 6);
    const constants = { A: 4 },
      [four, five] = [4, 5].map((A) => {
        constants.A = A;
        return cache.get({ ...CODE, constants }, COUNTS).pipeline;
      });
    assert(four !== five, "constants are kept as they were");
    await faults.wait("test", () => device.queue.onSubmittedWorkDone());
  }));
