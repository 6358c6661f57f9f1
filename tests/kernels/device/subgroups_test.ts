// The trial of subgroups: one wrong lane, or a compiler that rejects it, and they are not used.

import { assert, assertEquals } from "@std/assert";
import { openAdapter } from "../../../kernels/device/adapter.ts";
import { measureSubgroup } from "../../../kernels/device/subgroups.ts";

Deno.test("measureSubgroup() gives the lanes of a subgroup, and 0 unless each has its own texel and value", async () => {
  const opened = await openAdapter({}), { device } = opened;
  const create = device.createShaderModule.bind(device);
  const measured = (text: string, other: string) => {
    device.createShaderModule = ({ code }) => {
      assert(code.includes(text));
      return create({ code: code.replace(text, other) });
    };
    return measureSubgroup(opened);
  };
  let errors = 0;
  device.addEventListener("uncapturederror", (event) => (event.preventDefault(), errors++));
  const size = await measured("own", "own");
  if (size > 0) assertEquals(64 % size, 0);
  assertEquals(await measured("own != f32(lane)", "lane == 63"), 0, "a wrong texel");
  assertEquals(await measured("subgroupBroadcast(lane, 0u)", "lane"), 0, "a wrong value");
  assertEquals(await measured("subgroupBroadcast", "unknown"), 0, "an error");
  await device.queue.onSubmittedWorkDone();
  assertEquals(errors, 0);
  device.destroy();
});
