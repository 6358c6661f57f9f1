/** A trial that shows whether subgroup operations work. */

import type { Opened } from "./adapter.ts";

/** Lanes that the trial looks at. */
const PROBES = 64;

/**
 * The number of lanes of a subgroup; 0 if the compiler rejects subgroup operations, or if a lane gets a
 * wrong value or texel, as with Mesa 25 and vectors of 512 bits.
 */
export async function measureSubgroup({ device, subgroupHeader }: Opened): Promise<number> {
  const code = `${subgroupHeader}
    @group(0) @binding(0) var<storage, read_write> out: array<u32>;
    @group(0) @binding(1) var texels: texture_storage_2d<rgba32float, read>;
    @compute @workgroup_size(${PROBES}) fn main(@builtin(local_invocation_index) lane: u32,
      @builtin(subgroup_size) size: u32) {
      let own = textureLoad(texels, vec2u(lane, 0)).x;
      let first = subgroupBroadcast(lane, 0u);
      out[lane] = size + select(0u, 999u, own != f32(lane) || first != lane / size * size);
    }`;
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const failed = await device.popErrorScope();
  if (failed) return 0;
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const out = device.createBuffer({ size: 4 * PROBES, usage: STORAGE | COPY_SRC });
  const staging = device.createBuffer({ size: 4 * PROBES, usage: MAP_READ | COPY_DST });
  const texture = device.createTexture({
    size: [PROBES, 1],
    format: "rgba32float",
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
  });
  const texels = Float32Array.from({ length: 4 * PROBES }, (_, i) => i / 4);
  device.queue.writeTexture({ texture }, texels, {}, [PROBES, 1]);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [
    { binding: 0, resource: { buffer: out } },
    { binding: 1, resource: texture.createView() },
  ];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(out, 0, staging, 0, 4 * PROBES);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const sizes = new Uint32Array(staging.getMappedRange().slice(0));
  for (const resource of [out, staging, texture]) resource.destroy();
  return sizes.every((size) => size === sizes[0]) ? sizes[0]! : 0;
}
