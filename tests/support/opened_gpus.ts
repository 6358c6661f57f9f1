/** The GPUs that a part of the program opens by itself. */

import { Gpu } from "../../mod.ts";

/** The GPUs opened while `body` runs, in their order; each is given to `onOpen`, and the program closes it. */
export async function openedGpus(
  body: () => Promise<void>,
  onOpen: (gpu: Gpu, index: number) => void = () => {},
): Promise<readonly Gpu[]> {
  const create = Gpu.create, opened: Gpu[] = [];
  Gpu.create = async (options) => {
    const gpu = await create.call(Gpu, options);
    onOpen(gpu, opened.push(gpu) - 1);
    return gpu;
  };
  try {
    await body();
    return opened;
  } finally {
    Gpu.create = create;
  }
}
