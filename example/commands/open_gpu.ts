/** Opens the GPU for a command. */

import { DeviceError, Gpu, NoAdapterError } from "../../mod.ts";
import { adapterLine, adapterWarnings, graphicsDevices, unusedGpu } from "../shared/adapter.ts";
import { prepareDriver } from "../shared/driver.ts";
import { Failure } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";

/**
 * Opens the best adapter.
 *
 * @param cuda Whether a hardware GPU is required.
 * @throws {Failure} If there is none, or it does not work; the message names the cure.
 */
export async function openGpu({ cuda }: { readonly cuda: boolean }): Promise<Gpu> {
  prepareDriver();
  try {
    return await Gpu.create({ hardware: cuda });
  } catch (error) {
    if (!(error instanceof NoAdapterError || error instanceof DeviceError)) throw error;
    const gpu = error instanceof NoAdapterError ? unusedGpu(graphicsDevices()) : undefined;
    const hints = [gpu, cuda ? "leave out --cuda to use what there is" : undefined];
    const message = [error.message, ...hints.filter((hint) => hint !== undefined)].join("; ");
    throw new Failure(message, { cause: error });
  }
}

/** Prints the adapter's name, and warns if a better one may be available. */
export function tellAdapter(gpu: Gpu, io: Io): void {
  io.out(`adapter     ${adapterLine(gpu)}`);
  for (const warning of adapterWarnings(gpu, graphicsDevices())) io.err(warning);
}
