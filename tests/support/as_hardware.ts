/** A software adapter under another name, so that the whole program takes it for a GPU. */

import { withOtherAdapters } from "./leased_gpus.ts";

/** Runs `body`; every adapter that is asked for meanwhile is called "a pretended GPU". */
export async function asHardware<T>(body: () => Promise<T>): Promise<T> {
  const { prototype } = GPUAdapterInfo;
  const real = Object.getOwnPropertyDescriptor(prototype, "description")!;
  Object.defineProperty(prototype, "description", { ...real, get: () => "a pretended GPU" });
  try {
    return await withOtherAdapters(body);
  } finally {
    Object.defineProperty(prototype, "description", real);
  }
}
