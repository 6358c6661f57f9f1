// Tensors go to files and back some rows at a time.

import { assert, assertEquals } from "@std/assert";
import type { Gpu } from "../../../mod.ts";
import { AtomicFile, byteView, openBytes } from "../../../example/shared/files.ts";
import { fillRows, floatsOf, readInParts, readRows } from "../../../example/storage/tensors.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";

/** A GPU that notes the bytes of each read and write. */
function watched(gpu: Gpu): { gpu: Gpu; sizes: number[] } {
  const sizes: number[] = [];
  const noted = Object.create(gpu, {
    read: {
      value: (tensor: Parameters<Gpu["read"]>[0]) => (sizes.push(tensor.bytes), gpu.read(tensor)),
    },
    write: {
      value: (...[tensor, data]: Parameters<Gpu["write"]>) => {
        sizes.push(tensor.bytes);
        gpu.write(tensor, data);
      },
    },
  });
  return { gpu: noted, sizes };
}

Deno.test("a table of 300,000 rows is written and read in ranges, and comes back as it was", () =>
  inFolder(() =>
    withGpu(async (gpu) => {
      const shape = [300_000, 11], path = "table", most = 1 << 22;
      const numbers = new Float32Array(shape[0]! * shape[1]!).map((_, i) => Math.sin(i));
      using table = gpu.tensor(shape, numbers);
      const { gpu: noted, sizes } = watched(gpu);
      {
        using file = new AtomicFile(path);
        file.write(new Uint8Array(7)); // what follows is not aligned
        let next = 0;
        await readRows(noted, table, (rows, at) => {
          assertEquals(at, next);
          next += rows.length;
          file.write(byteView(rows));
        });
        assertEquals(next, numbers.length);
        file.commit();
      }
      using file = openBytes(path);
      const source = floatsOf(file, { begin: 7, end: file.size });
      let sum = 0;
      for (const [at, part] of readInParts(source)) {
        assert(part.byteLength <= most);
        assertEquals(part[0], numbers[at]);
        sum += part.length;
      }
      assertEquals([sum, source.size], [numbers.length, numbers.length]);
      using again = gpu.tensor(shape);
      fillRows(noted, again, source);
      assertEquals(await gpu.readFloats(again), numbers);
      assert(sizes.length >= 8 && Math.max(...sizes) <= most, `${sizes}`);
    })
  ));

Deno.test("readRows() and fillRows() take any shape, and ids as floats", () =>
  withGpu(async (gpu) => {
    for (const shape of [[1], [63], [64], [65], [3, 2], [1000, 5, 2]]) {
      const size = shape.reduce((a, b) => a * b),
        ids = Uint32Array.from({ length: size }, (_, i) => i);
      using tensor = gpu.tensor(shape, ids);
      const found = new Float32Array(size);
      await readRows(gpu, tensor, (rows, at) => found.set(rows, at));
      assertEquals(found, Float32Array.from(ids));
      using again = gpu.tensor(shape, new Uint32Array(size));
      fillRows(gpu, again, { size, read: (begin, end) => found.slice(begin, end) });
      assertEquals(await gpu.read(again), ids);
    }
  }));
