/** The machine: the adapter, and what it could be. */

import { format as formatBytes } from "@std/fmt/bytes";
import type { Gpu } from "../../mod.ts";
import { adapterLine, adapterWarning } from "../shared/adapter.ts";
import { formatCount } from "../shared/format.ts";
import { type Finding, finding, warned } from "./finding.ts";

/** The part of a `Gpu` that is looked at. */
export type Machine =
  & Pick<Gpu, "name" | "software" | "backend" | "subgroupSize" | "maxTensorBytes">
  & { readonly device: Pick<GPUDevice, "limits" | "features"> };

/** What software adapters compute with. */
export interface Processors {
  /** Cores of the machine that the process may use. */
  readonly cores: number;
  /** Threads of Mesa's driver, `LP_NUM_THREADS`; undefined if that may not be read. */
  readonly threads: number | undefined;
}

/** The processors of this machine. */
export function processors(): Processors {
  const variable = "LP_NUM_THREADS";
  const isReadable = Deno.permissions.querySync({ name: "env", variable }).state === "granted";
  const threads = isReadable ? Number(Deno.env.get(variable)) : NaN;
  return {
    cores: navigator.hardwareConcurrency,
    threads: Number.isSafeInteger(threads) && threads > 0 ? threads : undefined,
  };
}

/**
 * What to know of the machine.
 *
 * @param devices Paths of its graphics devices, by which a GPU without a driver is found.
 */
export function machineFindings(
  gpu: Machine,
  devices: readonly string[],
  processors: Processors,
): Finding[] {
  const { limits, features } = gpu.device, warning = adapterWarning(gpu, devices);
  return [
    finding("machine", "adapter", { text: adapterLine(gpu) }),
    ...warning === undefined ? [] : [warned("machine", "adapter", warning)],
    ...gpu.software ? [threadsFact(processors)] : [],
    finding("machine", "limits", {
      text: `a tensor has up to ${formatBytes(gpu.maxTensorBytes)}, a buffer ` +
        `${formatBytes(limits.maxBufferSize)}, a workgroup ` +
        `${formatCount(limits.maxComputeInvocationsPerWorkgroup)} threads and ` +
        `${formatBytes(limits.maxComputeWorkgroupStorageSize)}`,
      figures: { tensorBytes: gpu.maxTensorBytes, bufferBytes: limits.maxBufferSize },
    }),
    subgroupFact(gpu),
    finding("machine", "timestamps", {
      text: features.has("timestamp-query") ? "yes: --prof can time kernels" : "none: no --prof",
    }),
  ];
}

function threadsFact({ cores, threads }: Processors): Finding {
  return finding("machine", "threads", {
    text: threads === undefined
      ? `${cores} cores; LP_NUM_THREADS may not be read`
      : `${threads} for ${cores} cores (LP_NUM_THREADS)`,
    cure: threads === undefined
      ? "--allow-env=LP_NUM_THREADS lets the program set it to twice the cores"
      : threads < cores
      ? `unset LP_NUM_THREADS, or set it to ${2 * cores}, where no other program needs the cores`
      : undefined,
    figures: { cores, ...(threads !== undefined && { threads }) },
  });
}

function subgroupFact({ subgroupSize, software }: Machine): Finding {
  return finding("machine", "subgroups", {
    text: subgroupSize > 0 ? `${subgroupSize} lanes` : "none that work: slower kernels are used",
    // The kernels for GPUs do without.
    cure: subgroupSize === 0 && software &&
      "another version of Mesa, or LP_NATIVE_VECTOR_WIDTH=256 where vectors have 512 bits",
    figures: { lanes: subgroupSize },
  });
}
