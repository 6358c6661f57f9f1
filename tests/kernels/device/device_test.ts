// The device: launches, writes and copies are checked, keep their order, and fold their grids.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UseAfterDisposeError } from "../../../mod.ts";
import { add } from "../../../kernels/ops.ts";
import type { Launch } from "../../../kernels/mod.ts";
import { show } from "../../../kernels/device/expect.ts";
import { COUNT, NUMBER, NUMBER_THREADS } from "../../support/counting_kernels.ts";
import { withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

Deno.test("dispatch() runs more launches than its ring of uniforms holds, each with its own", () =>
  withGpu(async (gpu) => {
    using out = gpu.tensor([1]);
    for (let i = 0; i < 2500; i++) {
      gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: i } });
    }
    assertEquals([...await gpu.read(out)], [2500 * 2499 / 2]);
  }));

Deno.test("dispatch() folds a grid beyond 65,535 workgroups", () =>
  withGpu(async (gpu) => {
    for (const n of [65_535, 65_536, 70_001, 131_071]) {
      using out = gpu.tensor([n], new Uint32Array(n));
      gpu.dispatch({ ...NUMBER, outputs: [out], grid: n });
      assertEquals(await gpu.read(out), Uint32Array.from({ length: n }, (_, i) => i + 1));
      using threads = gpu.tensor([64 * n], new Uint32Array(64 * n));
      gpu.dispatch({ ...NUMBER_THREADS, outputs: [threads], grid: n });
      assertEquals(await gpu.read(threads), Uint32Array.from({ length: 64 * n }, (_, i) => i + 1));
    }
    using out = gpu.tensor([1], new Uint32Array(1));
    gpu.dispatch({ ...NUMBER, outputs: [out], grid: [1, 65_535, 1] });
    const refuses = (grid: unknown, message: string) =>
      assertThrows(
        () => gpu.dispatch({ ...NUMBER, outputs: [out], grid: grid as number }),
        RangeError,
        `Cannot run number: ${message}`,
      );
    refuses([1, 1, 70_000], "grid 1,1,70000 is over 65535");
    for (const grid of [0, -1, 1.5, NaN, [1, 1], [1, 0, 1], [1, 1, 1.5], "1"]) {
      refuses(grid, `grid is ${show(grid)}, not one or three positive integers`);
    }
  }));

Deno.test("write() between recorded commands takes effect where it stands", () =>
  withGpu(async (gpu) => {
    using from = gpu.tensor([3], Float32Array.of(1, 2, 3));
    using before = gpu.tensor([3]);
    using after = gpu.tensor([3]);
    gpu.copy(from, before);
    gpu.write(from, Float32Array.of(4, 5, 6));
    gpu.copy(from, after);
    gpu.dispatch({ ...COUNT, outputs: [from], uniform: { amount: 10 } });
    gpu.write(before, Float32Array.of(7, 8, 9));
    assertEquals([...await gpu.read(from)], [14, 5, 6]);
    assertEquals([...await gpu.read(before)], [7, 8, 9]);
    assertEquals([...await gpu.read(after)], [4, 5, 6]);
  }));

Deno.test("write() takes effect behind whatever was recorded before it", () =>
  withGpu(async (gpu) => {
    using out = gpu.tensor([1], Float32Array.of(1)), other = gpu.tensor([1]);
    const recorded = [
      () => gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 10 } }),
      () => gpu.copy(other, out),
      () => gpu.clear(out),
    ];
    for (const record of recorded) {
      record();
      gpu.write(out, Float32Array.of(5));
      gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 1 } });
      assertEquals([...await gpu.read(out)], [6]);
    }
  }));

Deno.test("dispatch() binds each view of a tensor where it begins", () =>
  withGpu(async (gpu) => {
    using whole = gpu.tensor([3, 64]);
    for (const row of [0, 2, 1]) {
      using view = whole.slice(row, 1);
      gpu.dispatch({ ...COUNT, outputs: [view], uniform: { amount: row + 1 } });
    }
    const found = await gpu.read(whole);
    assertEquals([0, 64, 128].map((at) => found[at]), [1, 2, 3]);
  }));

Deno.test("a tensor may be disposed of as soon as the commands that use it are recorded", () =>
  withGpu(async (gpu) => {
    using to = gpu.tensor([1]);
    for (const make of [() => gpu.tensor([1]), () => gpu.temporary([1])]) {
      const from = make();
      gpu.write(from, Float32Array.of(3));
      gpu.dispatch({ ...COUNT, outputs: [from], uniform: { amount: 4 } });
      gpu.copy(from, to);
      from.dispose();
      assertEquals([...await gpu.read(to)], [7]);
    }
  }));

Deno.test("write() keeps its place when a pooled buffer changes hands between commands", () =>
  withGpu(async (gpu) => {
    using kept = gpu.tensor([2]);
    {
      using first = gpu.temporary([2]);
      gpu.write(first, Float32Array.of(1, 2));
      gpu.copy(first, kept);
    }
    using second = gpu.temporary([2]);
    gpu.write(second, Float32Array.of(3, 4));
    assertEquals([...await gpu.read(kept)], [1, 2]);
    assertEquals([...await gpu.read(second)], [3, 4]);
  }));

Deno.test("copy() and clear() touch the elements asked for", () =>
  withGpu(async (gpu) => {
    using from = gpu.tensor([6], Float32Array.of(1, 2, 3, 4, 5, 6));
    using to = gpu.tensor([3]);
    gpu.copy(from, to, { fromStart: 2 });
    assertEquals([...await gpu.read(to)], [3, 4, 5]);
    gpu.copy(from, to, { toStart: 1, count: 1 });
    assertEquals([...await gpu.read(to)], [3, 1, 5]);
    gpu.copy(to, from);
    assertEquals([...await gpu.read(from)], [3, 1, 5, 4, 5, 6]);
    gpu.clear(to);
    assertEquals([...await gpu.read(to)], [0, 0, 0]);
  }));

Deno.test("copy() throws a TypeError when elements are not there or types differ", () =>
  withGpu((gpu) => {
    using from = gpu.tensor([6]);
    using to = gpu.tensor([3]);
    using ids = gpu.tensor([3], new Uint32Array(3));
    const few = { fromStart: 4, count: 3 };
    const tooFar = [{ fromStart: 6 }, { toStart: 3 }, { count: 4 }, few];
    const noPlaces = [{ fromStart: -1 }, { toStart: -1 }, { count: 0.5 }, {
      toStart: "0" as never,
    }];
    for (const options of [...tooFar, ...noPlaces]) {
      assertThrows(() => gpu.copy(from, to, options), TypeError, "Cannot copy");
    }
    assertThrows(() => gpu.copy(ids, to), TypeError, "Cannot copy 3 elements of u32 [3] from 0");
  }));

Deno.test("copy() throws a TypeError within one buffer, and the device works on", () =>
  withGpu(async (gpu) => {
    using whole = gpu.tensor([128], new Float32Array(128).fill(1));
    using first = whole.slice(0, 64), last = whole.slice(64, 64);
    assertThrows(() => gpu.copy(first, last), TypeError, "Cannot copy [64] to [64] in one buffer");
    assertThrows(() => gpu.copy(whole, whole, { toStart: 64 }), TypeError, "in one buffer");
    assertEquals((await gpu.read(whole))[127], 1);
  }));

Deno.test("dispatch() throws a TypeError when a tensor is bound twice and written", () =>
  withGpu((gpu) => {
    using a = gpu.tensor([4, 64]);
    using view = a.slice(1, 1);
    const uniform = { amount: 1 };
    const run = (inputs: Launch["inputs"], outputs: Launch["outputs"]) => () =>
      gpu.dispatch({ ...COUNT, inputs, outputs, uniform });
    assertThrows(run([a], [a]), TypeError, "Cannot run count: a tensor is both input and output");
    assertThrows(run([view], [a]), TypeError, "both input and output");
    assertThrows(run([], [a, view]), TypeError, "Cannot run count: output bound twice");
  }));

Deno.test("dispatch() throws when uniform fields or constants are wrong", () =>
  withGpu((gpu) => {
    using out = gpu.tensor([1]);
    const run = (uniform?: Record<string, number>) => () =>
      gpu.dispatch({ ...COUNT, outputs: [out], ...(uniform && { uniform }) });
    assertThrows(run(), TypeError, "Cannot run count: uniform has nothing, expected amount");
    assertThrows(run({ sum: 1 }), TypeError, "uniform has sum, expected amount");
    const missing = { amount: undefined } as never;
    assertThrows(run(missing), TypeError, "uniform has nothing, expected amount");
    assertThrows(run({ amount: 1, sum: 1 }), TypeError, "uniform has amount,sum, expected amount");
    const other = (change: Partial<Launch>) => () =>
      gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 1 }, ...change });
    assertThrows(
      other({ source: "struct Params { amount: vec2f }" }),
      TypeError,
      "Cannot run count: uniform field amount is a vec2f, not a u32, i32 or f32; make it several fields",
    );
    assertThrows(
      other({ source: "@compute @workgroup_size(1) fn main() {}" }),
      TypeError,
      "Cannot run count: uniform has amount, expected nothing, as there is no struct Params",
    );
    const message = "Cannot run count: A is NaN, not a finite number";
    assertThrows(other({ constants: { A: NaN } }), RangeError, message);
  }));

Deno.test("small writes before the first launch cost one write of the queue", () =>
  withGpu(async (gpu) => {
    const { queue } = gpu.device;
    let writes = 0;
    queue.writeBuffer = (...given: Parameters<GPUQueue["writeBuffer"]>) => {
      writes++;
      return GPUQueue.prototype.writeBuffer.apply(queue, given);
    };
    try {
      const sizes = [1, 300, 16_000, 3], data = sizes.map((n, i) => values(n, i));
      using tensors = new DisposableStack();
      const written = data.map((numbers) => tensors.use(gpu.tensor([numbers.length], numbers)));
      using late = gpu.tensor([1]);
      data[0]!.fill(7); // what was written stays
      gpu.dispatch({ ...COUNT, outputs: [written[0]!], uniform: { amount: 1 } });
      gpu.submit();
      assertEquals(writes, 1);
      const found = [];
      for (const tensor of written) found.push(await gpu.readFloats(tensor));
      assertEquals(found, [Float32Array.of(values(1, 0)[0]! + 1), ...data.slice(1)]);
      // One that no longer fits goes alone, after what is recorded; so does one behind a launch.
      gpu.write(written[2]!, data[2]!), gpu.write(written[2]!, data[2]!.toReversed());
      gpu.dispatch({ ...COUNT, outputs: [written[0]!], uniform: { amount: 1 } });
      gpu.write(late, Float32Array.of(5));
      gpu.submit();
      assertEquals(writes, 5);
      assertEquals(await gpu.readFloats(written[2]!), data[2]!.toReversed());
      assertEquals(await gpu.readFloats(late), Float32Array.of(5));
    } finally {
      Reflect.deleteProperty(queue, "writeBuffer");
    }
  }));

Deno.test("write() throws a TypeError when type or size differ", () =>
  withGpu((gpu) => {
    using floats = gpu.tensor([2]);
    const ids = Uint32Array.of(1, 2);
    assertThrows(() => gpu.write(floats, ids), TypeError, "Cannot write u32 [2] to f32 [2]");
    assertThrows(() => gpu.write(floats, values(3, 1)), TypeError, "Cannot write f32 [3]");
  }));

Deno.test("readFloats() throws a TypeError when the tensor holds ids", () =>
  withGpu(async (gpu) => {
    using ids = gpu.tensor([1], Uint32Array.of(7));
    await assertRejects(() => gpu.readFloats(ids), TypeError, "Cannot read ids as floats");
    assertEquals(await gpu.read(ids), Uint32Array.of(7));
  }));

Deno.test("a tensor that its owner has disposed of throws wherever it is used", () =>
  withGpu(async (gpu) => {
    const gone = gpu.tensor([2]);
    using other = gpu.tensor([2]);
    gone.dispose();
    assert(gone.disposed);
    const uses = [
      () => gpu.write(gone, values(2, 1)),
      () => gpu.copy(gone, other),
      () => gpu.copy(other, gone),
      () => gpu.clear(gone),
      () => gone.reshape([1, 2]),
      () => gpu.dispatch({ ...COUNT, outputs: [gone], uniform: { amount: 1 } }),
    ];
    for (const use of uses) assertThrows(use, UseAfterDisposeError, "Cannot use a tensor [2]");
    await assertRejects(() => gpu.read(gone), UseAfterDisposeError);
    const step = gpu.step();
    const x = step.upload(values(2, 1));
    step[Symbol.dispose]();
    using later = gpu.step();
    assertThrows(() => add(later, x, x), UseAfterDisposeError);
  }));

Deno.test("a weight's copy in 16 bits is for products alone, and read, written and cleared in whole words", () =>
  withGpu(async (gpu) => {
    using copy = gpu.temporary([3, 3], "f16"), other = gpu.temporary([3, 3], "f16");
    using step = gpu.step(), x = gpu.tensor([3, 3]);
    assertEquals(copy.bytes, 18);
    const odd = "a tensor [3,3] of an odd number of 16-bit floats";
    assertThrows(() => gpu.write(copy, new Float32Array(9)), TypeError, `Cannot write ${odd}`);
    assertThrows(() => gpu.copy(copy, other), TypeError, "Cannot copy");
    assertThrows(() => gpu.clear(copy), TypeError, `Cannot clear ${odd}`);
    assertThrows(() => add(step, x, copy), TypeError, "f16 [3,3]");
    await assertRejects(() => gpu.read(copy), TypeError, `Cannot read ${odd}`);
  }));
