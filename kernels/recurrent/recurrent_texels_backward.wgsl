// One time step of a recurrent layer backward, the product fused with the cell, from texels.
//
// backward: dstate[t + 1] W, to finish_backward; the texels of dstate[t] are written, too.
// Shapes: see _recurrent.wgsl; weight [G H, H], dstate and the written texels [B, G H]; sizes in Vecs of four.
// Dispatch: (ceil(H / LANES), ceil(B / ROWS), 1) subgroups, H in Vecs; a lane owns four units of ROWS rows.
// Determinism: sums in rising order (_texel_tile.wgsl).

const TRANSPOSE_A = false;
const TRANSPOSE_B = false;

@group(0) @binding(0) var<storage, read> weight: array<Vec>; // what texels_b is a copy of
@group(2) @binding(2) var kept: texture_storage_2d<rgba32float, write>;

// Writes the Vec j of a gate of row b of dstate[t] to this step's texels.
fn keep(b: u32, gate: u32, j: u32, value: Vec) {
  textureStore(kept, texel(4 * gate_index(0, b, gate * params.H + j)), value);
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = id.y * ROWS;
  let j = id.x * LANES + lane;
  let width = 4 * params.H;
  let count = select(GATES * width, 0, params.t + 1 == params.T);
  let at_b = vec4u(0, 1, 2, 3) * width + 4 * j;
  let tile = tile_product(Tile(), (first + lane) * GATES * width, at_b, GATES * width, width, 0, count, lane);
  if (j >= params.H) { return; }
  var sums = array<mat4x4f, 4>(tile[0], tile[1], tile[2], tile[3]);
  for (var r = 0u; r < ROWS && first + r < params.B; r++) {
    let b = first + r;
    finish_backward(backward_inputs(params.t, b, j), sums[r / 4][r % 4], params.t, b, j);
  }
}
