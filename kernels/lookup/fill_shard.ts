/** Random numbers for the rows of a table that one rank holds. */

import { fillUniform } from "../elementwise/fill.ts";
import type { Device } from "../device/device.ts";
import type { RandomKey } from "../random/philox.ts";
import { gatherInto } from "./gather.ts";
import type { Tensor } from "../device/tensor.ts";

/** Bytes of the whole table that are computed at a time. */
const TILE_BYTES = 4 * 2 ** 20;

/** Overwrites `table`, a shard, with what {@linkcode fillUniform} would give these rows of the whole table. */
export function fillShard(
  gpu: Device,
  table: Tensor,
  low: number,
  high: number,
  key: RandomKey,
): void {
  const { rank, ranks } = table.shard!, [rows] = table.shape, row = table.shape.slice(1);
  const groupBytes = 64 * ranks * 4 * table.size / rows!;
  const most = 64 * Math.max(1, Math.floor(TILE_BYTES / groupBytes));
  for (let first = 0; first < rows!; first += most) {
    const count = Math.min(most, rows! - first);
    using tile = gpu.temporary([count * ranks, ...row]);
    fillUniform(gpu, tile, low, high, key, first * ranks);
    using ids = gpu.tensor([count], Uint32Array.from({ length: count }, (_, i) => rank + i * ranks));
    using own = table.slice(first, count);
    gatherInto(gpu, own, tile, ids);
  }
}
