// One time step of a recurrent layer forward, the product fused with the cell, from texels.
//
// forward: the sums state W^T, to finish_forward; the next state's texels are written, too.
// Shapes: see _recurrent.wgsl; weight [G H, H], state and the written texels [B, H]; sizes in Vecs of four.
// Dispatch: (ceil(4 H / LANES), ceil(B / ROWS), 1) subgroups, H in Vecs.
// Determinism: sums in rising order (_texel_tile.wgsl).
//
// For the product a lane owns the gates of one unit in ROWS rows; for the cell, four units of one row in
// four, so that loads and stores are of whole Vecs.

const TRANSPOSE_A = false;
const TRANSPOSE_B = true;

@group(0) @binding(0) var<storage, read> weight: array<Vec>; // what texels_b is a copy of
@group(2) @binding(2) var next_state: texture_storage_2d<rgba32float, write>;

// Writes the Vec j of row b of the next state's texels.
fn keep(b: u32, gate: u32, j: u32, value: Vec) {
  textureStore(next_state, texel(4 * unit_index(0, b, j)), value);
}

// The value of the four units of `quad`, each of which a lane holds.
fn units_of(quad: u32, value: f32) -> vec4f {
  let a = vec4f(subgroupBroadcast(value, 0u), subgroupBroadcast(value, 1u),
                subgroupBroadcast(value, 2u), subgroupBroadcast(value, 3u));
  let b = vec4f(subgroupBroadcast(value, 4u), subgroupBroadcast(value, 5u),
                subgroupBroadcast(value, 6u), subgroupBroadcast(value, 7u));
  let low = select(a, b, quad == 1);
  if (LANES == 8) { return low; }
  let c = vec4f(subgroupBroadcast(value, 8u), subgroupBroadcast(value, 9u),
                subgroupBroadcast(value, 10u), subgroupBroadcast(value, 11u));
  let d = vec4f(subgroupBroadcast(value, 12u), subgroupBroadcast(value, 13u),
                subgroupBroadcast(value, 14u), subgroupBroadcast(value, 15u));
  return select(low, select(c, d, quad == 3), quad >= 2);
}

// The same of one row in four, whose values are the vector's elements.
fn units_of_row(quad: u32, row: u32, values: vec4f) -> vec4f {
  let low = select(units_of(quad, values.x), units_of(quad, values.y), row == 1);
  let high = select(units_of(quad, values.z), units_of(quad, values.w), row == 3);
  return select(low, high, row >= 2);
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let width = 4 * params.H;
  let first = id.y * ROWS;
  let at_b = (vec4u(0, 1, 2, 3) * width + id.x * LANES + lane) * width;
  let count = select(width, 0, from_zero(params.t));
  let tile = tile_product(Tile(), (first + lane) * width, at_b, width, width, 0, count, lane);
  let quads = LANES / 4;
  let quad = lane % quads;
  let j = id.x * quads + quad;
  var sums = array<mat4x4f, 4>(tile[0], tile[1], tile[2], tile[3]);
  for (var i = 0u; i < ROWS / 4; i++) {
    let row = lane / quads;
    let gates_of = transpose(sums[i]);
    let sum = array<Vec, 4>(units_of_row(quad, row, gates_of[0]), units_of_row(quad, row, gates_of[1]),
                             units_of_row(quad, row, gates_of[2]), units_of_row(quad, row, gates_of[3]));
    let b = first + 4 * i + row;
    if (b < params.B && j < params.H) {
      finish_forward(forward_inputs(params.t, b, j), sum, params.t, b, j);
    }
  }
}
