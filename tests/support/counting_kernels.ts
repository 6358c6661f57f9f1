/** Kernels that count, so that launches can be seen to have run. */

import type { Launch } from "../../kernels/mod.ts";

/** A kernel that adds `amount` to element 0. */
export const COUNT = {
  label: "count",
  source: `struct Params { amount: f32 }
    @group(1) @binding(0) var<uniform> params: Params;
    @group(0) @binding(0) var<storage, read_write> out: array<f32>;
    @compute @workgroup_size(1) fn main() { out[0] += params.amount; }`,
  inputs: [],
  grid: 1,
} satisfies Partial<Launch>;

/** A kernel that numbers its workgroups. */
export const NUMBER = {
  label: "number",
  source: `@group(0) @binding(0) var<storage, read_write> out: array<u32>;
    @compute @workgroup_size(1) fn main(group: Group, @builtin(local_invocation_index) local: u32) {
      let i = group_index(group);
      if (i < arrayLength(&out)) { out[i] += i + 1; }
    }`,
  inputs: [],
} satisfies Partial<Launch>;

/** A kernel that numbers its threads. */
export const NUMBER_THREADS = {
  label: "number threads",
  source: `@group(0) @binding(0) var<storage, read_write> out: array<u32>;
    @compute @workgroup_size(64) fn main(group: Group, @builtin(local_invocation_index) local: u32) {
      let i = thread_index(group, local);
      if (i < arrayLength(&out)) { out[i] += i + 1; }
    }`,
  inputs: [],
} satisfies Partial<Launch>;
