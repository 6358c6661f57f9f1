// Bind groups: found again by layout and numbers, whatever their hash, and made anew once dropped.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { BindGroups } from "../../../kernels/device/bind_groups.ts";
import { withGpu } from "../../support/gpu.ts";

/** A device's bind groups, the layouts of one and of two buffers, and how often a group was made. */
function makeGroups(device: GPUDevice) {
  const groups = new BindGroups(device);
  const buffer = device.createBuffer({ size: 512, usage: GPUBufferUsage.STORAGE });
  const [one, two] = [1, 2].map((count) =>
    device.createBindGroupLayout({
      entries: Array.from({ length: count }, (_, binding) => {
        return { binding, visibility: GPUShaderStage.COMPUTE, buffer: { type: "storage" } };
      }),
    })
  );
  const made: number[][] = [];
  const get = (numbers: number[], layout = two!) =>
    groups.get(layout, numbers, () => {
      made.push(numbers);
      return numbers.slice(0, layout === one ? 1 : 2).map((_, i) => ({
        buffer,
        offset: 256 * i,
        size: 256,
      }));
    });
  return { groups, one: one!, two: two!, get, made };
}

Deno.test("a bind group is made once for its layout and its numbers, in their order", () =>
  withGpu(({ device }) => {
    const { get, made, one } = makeGroups(device);
    const all = [[1, 2], [2, 1], [1, 2, 0], [1, 258], [0, 0], [2 ** 33, 0]];
    const groups = all.map((numbers) => get(numbers));
    assertEquals(new Set(groups).size, all.length);
    for (const [i, numbers] of all.entries()) assertStrictEquals(get([...numbers]), groups[i]);
    assertEquals(made, all);
    const other = get([1, 2], one);
    assert(other !== groups[0]);
    assertStrictEquals(get([1, 2], one), other);
    assertStrictEquals(get([1, 2]), groups[0]);
  }));

Deno.test("bind groups whose numbers have the same hash are not taken for one another", () =>
  withGpu(({ device }) => {
    const { get, made } = makeGroups(device);
    // FNV-1a of [a, b] is ((basis ^ a) * prime ^ b) * prime, so b can make up for another a.
    const first = (a: number) => Math.imul(0x811c9dc5 ^ a, 0x01000193);
    const same = [1, 2, 3].map((a) => [a, first(a)]), groups = same.map((numbers) => get(numbers));
    assertEquals(new Set(groups).size, 3);
    for (const [i, numbers] of same.entries()) assertStrictEquals(get(numbers), groups[i]);
    assertEquals(made.length, 3);
  }));

Deno.test("bind groups are made anew when they were dropped, by request or as too many", () =>
  withGpu(({ device }) => {
    const { groups, get, made } = makeGroups(device);
    get([0, 0]);
    groups.clear();
    get([0, 0]);
    assertEquals(made.length, 2);
    for (let i = 1; i <= 2 ** 12; i++) get([i, 0]);
    assertEquals(made.length, 2 + 2 ** 12);
    get([2 ** 12, 0]);
    assertEquals(made.length, 2 + 2 ** 12);
    for (let i = 1; i < 2 ** 12; i++) get([i, 0]);
    assertEquals(made.length, 1 + 2 ** 13, "the oldest groups are still kept");
    get([0, 0]);
    get([1, 0]);
    assertEquals(made.length, 3 + 2 ** 13, "they are dropped only once");
  }));
