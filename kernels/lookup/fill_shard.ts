/** Random numbers for the rows of a table that one rank holds. */

import { fillUniform } from "../elementwise/fill.ts";
import type { Device } from "../device/device.ts";
import type { RandomKey } from "../random/philox.ts";
import { forEachSlice } from "../device/parts.ts";
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
  const { rank, ranks } = table.shard!, row = table.shape.slice(1);
  const groupBytes = 64 * ranks * table.bytes / table.shape[0]!;
  const most = 64 * Math.max(1, Math.floor(TILE_BYTES / groupBytes));
  forEachSlice([table], ([part], begin) => {
    for (let first = 0; first < part.shape[0]!; first += most) {
      const count = Math.min(most, part.shape[0]! - first);
      using tile = gpu.temporary([count * ranks, ...row]);
      fillUniform(gpu, tile, low, high, key, (begin + first) * ranks);
      const numbers = Uint32Array.from({ length: count }, (_, i) => rank + i * ranks);
      using ids = gpu.tensor([count], numbers);
      using own = part.slice(first, count);
      gatherInto(gpu, own, tile, ids);
    }
  });
}
