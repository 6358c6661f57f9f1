/** Opens the GPU for a command. */

import { DeviceError, Gpu, MissingFeatureError, NoAdapterError } from "../../mod.ts";
import { adapterLine, adapterWarning, graphicsDevices, unusedGpu } from "../shared/adapter.ts";
import { prepareDriver } from "../shared/driver.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import { labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import type { Settings } from "../options/options.ts";
import { keptTuning } from "./tunings.ts";

/** What a GPU is opened by: the options' defaults unless given. */
type GpuSettings = Partial<Pick<Settings, "cuda" | "compute" | "autotune">>;

/**
 * Opens the best adapter, with the tuning that is kept for it. Training also times the kernels where
 * nothing is kept.
 *
 * @throws {Failure} If there is none, or it does not work; the message names the cure.
 * @throws {UsageError} If it cannot compute so.
 */
export async function openGpu(
  { cuda = false, compute = "f32", autotune = true }: GpuSettings = {},
): Promise<Gpu> {
  prepareDriver();
  try {
    const gpu = await Gpu.create({ hardware: cuda, compute });
    if (autotune) gpu.tuning = keptTuning(gpu) ?? gpu.tuning;
    return gpu;
  } catch (error) {
    if (error instanceof MissingFeatureError) {
      throw new UsageError(`${error.message}; leave out --compute ${compute}`, { cause: error });
    }
    if (!(error instanceof NoAdapterError || error instanceof DeviceError)) throw error;
    const gpu = error instanceof NoAdapterError ? unusedGpu(graphicsDevices()) : undefined;
    const hints = [gpu, cuda ? "leave out --cuda to use what there is" : undefined];
    const message = [error.message, ...hints.filter((hint) => hint !== undefined)].join("; ");
    throw new Failure(message, { cause: error });
  }
}

/** Prints the adapter's name, and warns if a better one may be available. */
export function tellAdapter(gpu: Gpu, io: Io): void {
  io.out(labelled("adapter", adapterLine(gpu)));
  warnOfAdapter(gpu, io);
}

/** Warns if a better adapter may be available. */
export function warnOfAdapter(gpu: Gpu, io: Io): void {
  if (gpu.backend === "opengl" && isSetUp()) return; // set-up has told why it is not Vulkan
  const warning = adapterWarning(gpu, graphicsDevices());
  if (warning !== undefined) io.err(warning);
}

/** Whether `deno task nce` has run set-up just before. */
function isSetUp(): boolean {
  const variable = "NCE_SET_UP";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" && Deno.env.has(variable);
}
