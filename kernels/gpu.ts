/** The GPU as users see it: opened once; everything is computed in steps. */

import { type AdapterOptions, NoAdapterError, openAdapter, type Opened } from "./device/adapter.ts";
import { Device, insideOf } from "./device/device.ts";
import {
  expectBoolean,
  expectFunction,
  expectNames,
  expectOneOf,
  expectPositive,
} from "./device/expect.ts";
import { deviceError } from "./device/faults.ts";
import { type Profile, PROFILE_CAPACITY, type Profiler } from "./device/profile.ts";
import { Step, type StepOptions } from "./autograd/step.ts";
import { measureSubgroup } from "./device/subgroups.ts";

/** A WebGPU device, on which steps are begun; what it does besides is that of every {@linkcode Device}. */
export class Gpu extends Device {
  #unnumbered = 0; // training steps that were given no number

  /**
   * Opens the best adapter: hardware before software, and Vulkan before OpenGL among equals.
   *
   * @throws {NoAdapterError} If there is none, or none in hardware although `hardware` is set; a
   *   {@linkcode MissingFeatureError} if `compute` is "f16" and it lacks `shader-f16`.
   * @throws {DeviceError} If it gives no device, or one that does not work.
   */
  static async create(options: AdapterOptions = {}): Promise<Gpu> {
    expectNames("create a Gpu", "options", options, [
      "hardware",
      "family",
      "compute",
      "maxBindingBytes",
    ]);
    const { hardware = false, family = "software", compute = "f32", maxBindingBytes = 1 } = options;
    expectBoolean("create a Gpu", "hardware", hardware);
    expectOneOf("create a Gpu", "family", family, ["software", "hardware"]);
    expectOneOf("create a Gpu", "compute", compute, ["f32", "f16"]);
    expectPositive("create a Gpu", "maxBindingBytes", maxBindingBytes);
    let opened: Opened | undefined;
    try {
      opened = await openAdapter(options);
      return new Gpu(opened, options, await measureSubgroup(opened));
    } catch (error) {
      opened?.device.destroy();
      throw error instanceof NoAdapterError ? error : deviceError("start", error);
    }
  }

  /**
   * Begins a step: the owner of everything that is computed within it.
   *
   * @throws {RangeError} Unless `seed` is an integer from 0 to 2^53 - 1 and `number` one from 0 to 2^32 - 1.
   */
  step(options: StepOptions = {}): Step {
    insideOf(this).faults.begin("step");
    return new Step(this, options, () => this.#unnumbered++);
  }

  /**
   * Runs `bodies` in turn, with a timestamp around every kernel, of which it has the first 2,048; see
   * {@linkcode Profile}.
   *
   * @throws {Error} If the adapter has no timestamp-query, or another profile or {@linkcode time} has not ended.
   */
  profile(...bodies: (() => void | Promise<void>)[]): Promise<Profile> {
    return this.#profile("profile", bodies);
  }

  /**
   * Milliseconds on the GPU of each of `bodies`, run in turn, its launches back to back as in a program; without
   * launches NaN. Copies between them are left out. A {@linkcode profile} says more, but each launch in it takes
   * some microseconds longer.
   *
   * @throws {Error} As {@linkcode profile}.
   * @throws {RangeError} If copies and submissions cut the bodies into more passes than it has room for, 2,048.
   */
  async time(...bodies: (() => void | Promise<void>)[]): Promise<number[]> {
    const { rows, overflowed } = await this.#profile("time", bodies);
    if (overflowed) {
      throw new RangeError(`Cannot time: more than ${PROFILE_CAPACITY} passes; time fewer at once`);
    }
    return bodies.map((_, i) => rows.find(({ label }) => label === `${i}`)?.ms ?? NaN);
  }

  /** Destroys the device and everything on it, as `await using` does at the end of a block. */
  async dispose(): Promise<void> {
    await this[Symbol.asyncDispose]();
  }

  async #profile(
    op: "profile" | "time",
    bodies: readonly (() => void | Promise<void>)[],
  ): Promise<Profiler> {
    for (const body of bodies) expectFunction(op, "body", body);
    await this.finish();
    const { commands, faults } = insideOf(this);
    using profile = await commands.profile(op, bodies, () => this.finish());
    await faults.wait(op, () => profile.collect());
    return profile;
  }
}
