// Recording: how far the CPU runs ahead, that the event loop turns meanwhile, and how a profile ends.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { turn } from "../../../kernels/device/faults.ts";
import { Gpu } from "../../../mod.ts";
import { COUNT } from "../../support/counting_kernels.ts";
import { withGpu, withNewGpu, withoutFeature } from "../../support/gpu.ts";

/** Runs `body`, which may give the queue a wait of its own, and the program a clock. */
async function withOwnWaits(gpu: Gpu, body: (queue: GPUQueue) => Promise<void>): Promise<void> {
  const { queue } = gpu.device, { now } = performance;
  try {
    await body(queue);
  } finally {
    performance.now = now;
    Reflect.deleteProperty(queue, "onSubmittedWorkDone");
  }
}

Deno.test("keepUp() waits, from the second time on, for the steps before the last wait", () =>
  withNewGpu((gpu) =>
    withOwnWaits(gpu, async (queue) => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      queue.onSubmittedWorkDone = () => promise;
      for (let i = 0; i < 8; i++) await gpu.keepUp();
      let isOver = false;
      const later = (async () => {
        for (let i = 0; i < 16; i++) await gpu.keepUp();
      })().then(() => isOver = true);
      for (let i = 0; i < 50; i++) await turn();
      assert(!isOver);
      resolve(undefined);
      await later;
    })
  ));

Deno.test("keepUp() lets the CPU run some 250 ms ahead, 256 steps at most", () =>
  withNewGpu((gpu) =>
    withOwnWaits(gpu, async (queue) => {
      let clock = Math.ceil(performance.now()), steps = 0;
      const waits: number[] = [];
      queue.onSubmittedWorkDone = () => {
        waits.push(steps), steps = 0;
        return Promise.resolve(undefined);
      };
      performance.now = () => clock;
      /** The steps before each of the next waits, if one takes so long. */
      const waitsAt = async (ms: number, count: number) => {
        waits.length = 0;
        while (waits.length < count) {
          clock += ms, steps++;
          await gpu.keepUp();
        }
        return [...waits];
      };
      const near = (values: number[], from: number, to: number) =>
        assert(values.slice(-3).every((steps) => steps >= from && steps <= to), `${values}`);
      near(await waitsAt(1, 12), 240, 255);
      near(await waitsAt(0.1, 4), 256, 256);
      near(await waitsAt(50, 9), 5, 5);
      near(await waitsAt(1000, 5), 1, 1);
      assertEquals(await waitsAt(1, 5), [1, 2, 4, 8, 16]);
    })
  ));

Deno.test("keepUp() settles at some 250 ms where waiting blocks, as in Deno, and where it does not", () =>
  withNewGpu((gpu) =>
    withOwnWaits(gpu, async (queue) => {
      let clock = Math.ceil(performance.now()), idleFrom = 0, steps = 0, blocks = true;
      let waits: number[] = [], previous = 0;
      queue.onSubmittedWorkDone = () => {
        waits.push(steps), steps = 0;
        clock = Math.max(clock, blocks ? idleFrom : previous); // keepUp() awaits the promise of last time
        previous = idleFrom;
        return Promise.resolve(undefined);
      };
      performance.now = () => clock;
      for (const [isBlocking, ms] of [[true, 2], [false, 2], [true, 50], [false, 50]] as const) {
        blocks = isBlocking, waits = [];
        while (waits.length < 40) {
          clock += 0.5, steps++; // a step is recorded
          idleFrom = Math.max(idleFrom, clock) + ms;
          await gpu.keepUp();
        }
        const far = waits.slice(-10).filter((count) => count * ms < 200 || count * ms > 300);
        assertEquals(far, [], `steps of ${ms} ms, ${blocks}: ${waits}`);
      }
    })
  ));

Deno.test("keepUp() lets the event loop turn from time to time, though it waits for nothing", () =>
  withGpu((gpu) =>
    withOwnWaits(gpu, async (queue) => {
      let clock = 0, hasFired = false;
      queue.onSubmittedWorkDone = () => Promise.resolve(undefined);
      performance.now = () => clock += 20;
      setTimeout(() => hasFired = true);
      for (let i = 0; i < 1e5 && !hasFired; i++) await gpu.keepUp();
      assert(hasFired);
    })
  ));

Deno.test("time() has the milliseconds of each body, its launches in one pass", () =>
  withGpu(async (gpu) => {
    const { beginComputePass } = GPUCommandEncoder.prototype;
    let stamped = 0;
    GPUCommandEncoder.prototype.beginComputePass = function (descriptor) {
      if (descriptor?.timestampWrites) stamped++;
      return beginComputePass.call(this, descriptor);
    };
    using out = gpu.tensor([1]), copy = gpu.tensor([1]);
    const once = () => gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 1 } });
    try {
      once(); // its pass is open, and not timed
      const start = performance.now();
      const times = await gpu.time(once, () => {}, () => (once(), once()));
      assertEquals(times.map(Number.isNaN), [false, true, false]);
      assert(times[0]! > 0 && times[2]! > 0 && times[0]! + times[2]! <= performance.now() - start);
      assertEquals(stamped, 2);
      const [parted] = await gpu.time(() => (once(), gpu.copy(out, copy), once()));
      assert(parted! > 0);
      assertEquals(stamped, 4);
      once();
      await gpu.finish();
      assertEquals(stamped, 4);
      assertEquals([...await gpu.read(out)], [7]);
      await assertRejects(() => gpu.time(5 as never), RangeError, "Cannot time: body");
    } finally {
      GPUCommandEncoder.prototype.beginComputePass = beginComputePass;
    }
  }));

Deno.test("time() refuses more passes than it has room for, and a profile within it", () =>
  withGpu(async (gpu) => {
    using out = gpu.tensor([1]), copy = gpu.tensor([1]);
    const once = () => gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 1 } });
    const many = () => {
      for (let i = 0; i < 2049; i++) once(), gpu.copy(out, copy);
    };
    await assertRejects(() => gpu.time(many), RangeError, "Cannot time: more than 2048 passes");
    const message = "Cannot profile: another profile or time() has not ended";
    await assertRejects(() => gpu.time(async () => void await gpu.profile(once)), Error, message);
    const [ms] = await gpu.time(once);
    assert(ms! > 0);
  }));

Deno.test("profile() and time() say what an adapter without time stamps cannot do", () =>
  withoutFeature("timestamp-query", async () => {
    await using gpu = await Gpu.create();
    const why = "the adapter has no timestamp-query";
    await assertRejects(() => gpu.profile(() => {}), Error, `Cannot profile: ${why}`);
    await assertRejects(() => gpu.time(() => {}), Error, `Cannot time: ${why}`);
  }));

Deno.test("the runs of a launch go one after another, each with values of its own", () =>
  withGpu(async (gpu) => {
    const source = `
      struct Params { factor: f32, term: f32 }
      @group(1) @binding(0) var<uniform> params: Params;
      @group(0) @binding(0) var<storage, read_write> out: array<f32>;
      @compute @workgroup_size(1) fn main() { out[0] = params.factor * out[0] + params.term; }`;
    const launch = { label: "horner", source, inputs: [], grid: 1, uniform: { factor: 10 } };
    using out = gpu.tensor([1]);
    gpu.dispatch({ ...launch, outputs: [out], runs: [1, 2, 3].map((term) => ({ term })) });
    assertEquals([...await gpu.read(out)], [123]);
    const { rows } = await gpu.profile(() =>
      gpu.dispatch({ ...launch, outputs: [out], runs: [{ term: 4 }, { term: 5, factor: 0 }] })
    );
    assertEquals(rows.map(({ label, runs }) => `${label} ${runs}`), ["horner 2"]);
    assertEquals([...await gpu.read(out)], [5]);
    assertThrows(
      () => gpu.dispatch({ ...launch, outputs: [out], runs: [{}] }),
      TypeError,
      "Cannot run horner: uniform has factor, expected factor,term",
    );
    const odd = { runs: 5 as never };
    assertThrows(
      () => gpu.dispatch({ ...launch, ...odd, outputs: [out] }),
      TypeError,
      "Cannot run horner: runs",
    );
  }));

Deno.test("a launch has more runs than uniforms go into a submission", () =>
  withGpu(async (gpu) => {
    using out = gpu.tensor([1]);
    const runs = Array.from({ length: 2100 }, (_, i) => ({ amount: i }));
    gpu.dispatch({ ...COUNT, outputs: [out], runs });
    assertEquals([...await gpu.read(out)], [2099 * 1050]);
  }));

Deno.test("a profile times its first 2,048 launches, and lets the others run", () =>
  withGpu(async (gpu) => {
    using out = gpu.tensor([1]);
    const { rows } = await gpu.profile(() => {
      for (let i = 0; i < 2050; i++) {
        gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 1 } });
      }
    });
    assertEquals(rows.map(({ runs }) => runs), [2048]);
    assertEquals([...await gpu.read(out)], [2050]);
  }));

Deno.test("a profile ends with its bodies, also if one throws, and frees its time stamps", () =>
  withGpu(async (gpu) => {
    const { destroy } = GPUQuerySet.prototype, { beginComputePass } = GPUCommandEncoder.prototype;
    const { submit } = GPUQueue.prototype;
    let destroyed = 0, stamped = 0, isPending = false;
    GPUQueue.prototype.submit = function (buffers) {
      isPending = false;
      return submit.call(this, buffers);
    };
    GPUQuerySet.prototype.destroy = function () {
      // Browsers refuse commands that name a set which is destroyed.
      assert(!isPending, "the timed pass has been submitted");
      destroyed++;
      return destroy.call(this);
    };
    GPUCommandEncoder.prototype.beginComputePass = function (descriptor) {
      if (descriptor?.timestampWrites) stamped++, isPending = true;
      return beginComputePass.call(this, descriptor);
    };
    using out = gpu.tensor([1]);
    const count = () => gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 1 } });
    try {
      const fail = () => {
        count();
        throw new Error("on purpose");
      };
      await assertRejects(() => gpu.profile(fail), Error, "on purpose");
      await gpu.profile(count);
      count();
      assertEquals([...await gpu.read(out)], [3]);
      assertEquals({ stamped, destroyed }, { stamped: 2, destroyed: 2 });
    } finally {
      GPUQueue.prototype.submit = submit;
      GPUQuerySet.prototype.destroy = destroy;
      GPUCommandEncoder.prototype.beginComputePass = beginComputePass;
    }
  }));
