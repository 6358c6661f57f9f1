/** Devices that a test file uses again, since they keep the kernels that they have compiled. */

import { FIXED_TUNING } from "../../kernels/mod.ts";
import { type AdapterOptions, Gpu } from "../../mod.ts";

/** A device that nothing else uses until this is disposed of. */
interface Lease extends AsyncDisposable {
  readonly gpu: Gpu;
}

const create = Gpu.create.bind(Gpu);
/** Devices that nothing uses now, by their options. */
let idle = new Map<string, Gpu[]>();

/** A device with these options: an idle one, or a new one. One that is left as it was becomes idle again. */
export async function leaseGpu(options: AdapterOptions = {}): Promise<Lease> {
  const key = JSON.stringify(options), gpu = idle.get(key)?.pop() ?? await create(options);
  const fields = fieldsOf(gpu);
  return {
    gpu,
    async [Symbol.asyncDispose]() {
      const isLeft = await gpu.finish().then(() => gpu.memory.buffers === 0, () => false);
      gpu.tuning = FIXED_TUNING;
      if (isLeft && fieldsOf(gpu) === fields) idle.set(key, [...idle.get(key) ?? [], gpu]);
      else await gpu[Symbol.asyncDispose]();
    },
  };
}

/** What a test may have put in the place of methods. */
function fieldsOf(gpu: Gpu): string {
  return [gpu, gpu.device].flatMap((object) => Object.getOwnPropertyNames(object)).join();
}

function destroyIdle(): void {
  for (const { device } of [...idle.values()].flat()) device.destroy();
}
addEventListener("unload", destroyIdle);

/** Lets the program, too, use devices of this file again, which it has to leave empty: for files of many runs. */
export function leaseToProgram(): void {
  Gpu.create = async (options) => {
    const lease = await leaseGpu(options), { gpu } = lease;
    gpu[Symbol.asyncDispose] = async () => {
      Reflect.deleteProperty(gpu, Symbol.asyncDispose);
      const { buffers } = gpu.memory;
      await lease[Symbol.asyncDispose]();
      if (buffers > 0) throw new Error(`the program left ${buffers} buffers on the GPU`);
    };
    return gpu;
  };
}

/** Runs `body` where devices are opened in another way, so that none from before is used, nor any of these later. */
export async function withOtherAdapters<T>(body: () => Promise<T>): Promise<T> {
  const before = idle;
  idle = new Map();
  try {
    return await body();
  } finally {
    destroyIdle();
    idle = before;
  }
}
