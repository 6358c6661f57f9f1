// One time step of a recurrent layer forward, the product fused with the cell, from texels.
//
// forward: the sums state W^T, to finish_forward; the next state's texels are written, too.
// Shapes: see recurrent.wgsl; weight [G H, H], state and the written texels [B, H], H a multiple of 4.
// Dispatch: (ceil(H / LANES), ceil(B / ROWS), 1) subgroups; a lane owns a unit of ROWS rows.
// Determinism: sums in rising order (texel_tile.wgsl).

const TRANSPOSE_A = false;
const TRANSPOSE_B = true;

@group(0) @binding(0) var<storage, read> weight: array<Lane>; // what texels_b is a copy of
@group(2) @binding(2) var next_state: texture_storage_2d<rgba32float, write>;

var<private> quad: u32; // which four lanes the lane is one of

fn four(value: f32) -> vec4f {
  let a = vec4f(subgroupBroadcast(value, 0u), subgroupBroadcast(value, 1u),
                subgroupBroadcast(value, 2u), subgroupBroadcast(value, 3u));
  let b = vec4f(subgroupBroadcast(value, 4u), subgroupBroadcast(value, 5u),
                subgroupBroadcast(value, 6u), subgroupBroadcast(value, 7u));
  let low = select(a, b, quad == 1u);
  if (LANES == 8u) { return low; }
  let c = vec4f(subgroupBroadcast(value, 8u), subgroupBroadcast(value, 9u),
                subgroupBroadcast(value, 10u), subgroupBroadcast(value, 11u));
  let d = vec4f(subgroupBroadcast(value, 12u), subgroupBroadcast(value, 13u),
                subgroupBroadcast(value, 14u), subgroupBroadcast(value, 15u));
  return select(low, select(c, d, quad == 3u), quad >= 2u);
}

/// Writes the element `at` of the states [T + 1, B, H] to the next state's texels: of four lanes, the first.
fn keep(at: u32, value: Lane) {
  let texel_of_four = four(value);
  if (at % 4u == 0u) {
    textureStore(next_state, texel(at - unit_index(params.step + 1u, 0u, 0u)), texel_of_four);
  }
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let size = params.size;
  let first = id.y * ROWS;
  // Lanes past the end repeat the last unit: broadcasts want all lanes.
  let j = min(id.x * LANES + lane, size - 1u);
  let at_b = (vec4<u32>(0u, 1u, 2u, 3u) * size + j) * size;
  let tile = tile_product((first + lane) * size, at_b, size, size, 0u, size, lane);
  quad = lane / 4u;
  var sums = array<mat4x4<f32>, 4>(tile[0], tile[1], tile[2], tile[3]);
  for (var r = 0u; r < ROWS && first + r < params.batch; r++) {
    let sum = sums[r / 4u][r % 4u];
    finish_forward(array<Lane, 4>(sum.x, sum.y, sum.z, sum.w), first + r, j);
  }
}
