/** The GPU as users see it: opened once; everything is computed in steps. */

import { type AdapterOptions, NoAdapterError, openAdapter, type Opened } from "./device/adapter.ts";
import { Device } from "./device/device.ts";
import { expectBoolean, expectNames, expectOneOf, expectPositive } from "./device/expect.ts";
import { deviceError } from "./device/faults.ts";
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
    this.begin("step");
    return new Step(this, options, () => this.#unnumbered++);
  }

  /** Destroys the device and everything on it, as `await using` does at the end of a block. */
  async dispose(): Promise<void> {
    await this[Symbol.asyncDispose]();
  }
}
