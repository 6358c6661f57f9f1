// One time step of a GRU layer for adapters whose subgroups are the CPU's vectors (llvmpipe).
//
// The same formulas as gru.wgsl. A lane loads a row's next four values once and broadcasts them to the
// lanes, each of which owns a unit (forward) or four (backward) of up to 32 rows: there, loading is a
// hundred times dearer than multiplying. H must be a multiple of 4.
// Shapes: see gru_cell.wgsl; weight [3H, H], bias [3H].
// Dispatch: forward (ceil(H / LANES), ceil(B / 32), 1); backward (ceil(H / (4 LANES)), ceil(B / 32), 1).
// Determinism: sums in rising order of fixed blocks of four.

override LANES: u32 = 8u; // the subgroup's size: 8 or 16

@group(0) @binding(0) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;
@group(0) @binding(3) var<storage, read_write> inner: array<f32>;
@group(0) @binding(4) var<storage, read_write> hidden: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

/// Four rows' values, one row a column, of lanes 0 .. 3 and of lanes 4 .. 7.
fn lower(own: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u),
                     subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u));
}
fn upper(own: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u),
                     subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u));
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let size = params.size;
  let size4 = size / 4u;
  let j = group.x * LANES + lane;
  let unit = min(j, size - 1u); // lanes past the end repeat the last unit and store nothing
  let first = group.y * 32u;
  let rows = vec4<u32>(first + (lane & 7u)) + vec4<u32>(0u, 8u, 16u, 24u);
  let base = vec4<u32>(params.step * params.batch) + min(rows, vec4<u32>(params.batch - 1u));
  var h_at = base * size4;
  var w_at = (vec3<u32>(unit) + vec3<u32>(0u, 1u, 2u) * size) * size4;
  var c0 = mat4x3<f32>();
  var c1 = mat4x3<f32>();
  var c2 = mat4x3<f32>();
  var c3 = mat4x3<f32>();
  var c4 = mat4x3<f32>();
  var c5 = mat4x3<f32>();
  var c6 = mat4x3<f32>();
  var c7 = mat4x3<f32>();
  let count = params.batch - first;
  for (var k = 0u; k < size4; k++) {
    let w = transpose(mat3x4<f32>(weight[w_at.x], weight[w_at.y], weight[w_at.z]));
    let h0 = hidden[h_at.x];
    c0 += w * lower(h0);
    c1 += w * upper(h0);
    if (count > 8u) {
      let h1 = hidden[h_at.y];
      c2 += w * lower(h1);
      c3 += w * upper(h1);
    }
    if (count > 16u) {
      let h2 = hidden[h_at.z];
      c4 += w * lower(h2);
      if (count > 20u) { c5 += w * upper(h2); }
    }
    if (count > 24u) {
      let h3 = hidden[h_at.w];
      c6 += w * lower(h3);
      c7 += w * upper(h3);
    }
    h_at += vec4<u32>(1u);
    w_at += vec3<u32>(1u);
  }
  store_rows(c0, first, j);
  store_rows(c1, first + 4u, j);
  store_rows(c2, first + 8u, j);
  store_rows(c3, first + 12u, j);
  store_rows(c4, first + 16u, j);
  store_rows(c5, first + 20u, j);
  store_rows(c6, first + 24u, j);
  store_rows(c7, first + 28u, j);
}

fn store_rows(sums: mat4x3<f32>, first: u32, j: u32) {
  store_row(sums[0], first, j);
  store_row(sums[1], first + 1u, j);
  store_row(sums[2], first + 2u, j);
  store_row(sums[3], first + 3u, j);
}

fn store_row(sum: vec3<f32>, b: u32, j: u32) {
  let size = params.size;
  if (b >= params.batch || j >= size) { return; }
  let g = gate_index(params.step, b, j);
  let u = unit_index(params.step, b, j);
  let state = sum + vec3<f32>(bias[j], bias[j + size], bias[j + 2u * size]);
  let input = vec3<f32>(gates[g], gates[g + size], gates[g + 2u * size]);
  let cell = cell_forward(input, state, hidden[u / 4u][u % 4u]);
  gates[g] = cell.x;
  gates[g + size] = cell.y;
  gates[g + 2u * size] = cell.z;
  inner[u] = state.z;
  let later = unit_index(params.step + 1u, b, j);
  hidden[later / 4u][later % 4u] = cell.w;
  output[u] = cell.w;
}

@group(0) @binding(1) var<storage, read> inner_of: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> hidden_of: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> doutput: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dgates: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dstate: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> carry: array<vec4<f32>>;

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let size = params.size;
  let size4 = size / 4u;
  let j4 = group.x * LANES + lane;
  let first = group.y * 32u;
  let rows = vec4<u32>(first + (lane & 7u)) + vec4<u32>(0u, 8u, 16u, 24u);
  let base = vec4<u32>((params.step + 1u) * params.batch) + min(rows, vec4<u32>(params.batch - 1u));
  var d_at = base * 3u * size4;
  var w_at = vec4<u32>(min(j4, size4 - 1u)) + vec4<u32>(0u, 1u, 2u, 3u) * size4;
  var c0 = mat4x4<f32>();
  var c1 = mat4x4<f32>();
  var c2 = mat4x4<f32>();
  var c3 = mat4x4<f32>();
  var c4 = mat4x4<f32>();
  var c5 = mat4x4<f32>();
  var c6 = mat4x4<f32>();
  var c7 = mat4x4<f32>();
  let count = params.batch - first;
  let blocks = select(3u * size4, 0u, params.last == 1u); // 3H gates in blocks of four
  for (var m = 0u; m < blocks; m++) {
    let w = mat4x4<f32>(weight[w_at.x], weight[w_at.y], weight[w_at.z], weight[w_at.w]);
    let d0 = dstate[d_at.x];
    c0 += w * lower(d0);
    c1 += w * upper(d0);
    if (count > 8u) {
      let d1 = dstate[d_at.y];
      c2 += w * lower(d1);
      c3 += w * upper(d1);
    }
    if (count > 16u) {
      let d2 = dstate[d_at.z];
      c4 += w * lower(d2);
      if (count > 20u) { c5 += w * upper(d2); }
    }
    if (count > 24u) {
      let d3 = dstate[d_at.w];
      c6 += w * lower(d3);
      c7 += w * upper(d3);
    }
    d_at += vec4<u32>(1u);
    w_at += vec4<u32>(size);
  }
  if (j4 >= size4) { return; }
  backward_rows(c0, first, j4);
  backward_rows(c1, first + 4u, j4);
  backward_rows(c2, first + 8u, j4);
  backward_rows(c3, first + 12u, j4);
  backward_rows(c4, first + 16u, j4);
  backward_rows(c5, first + 20u, j4);
  backward_rows(c6, first + 24u, j4);
  backward_rows(c7, first + 28u, j4);
}

fn backward_rows(sums: mat4x4<f32>, first: u32, j4: u32) {
  backward_row(sums[0], first, j4);
  backward_row(sums[1], first + 1u, j4);
  backward_row(sums[2], first + 2u, j4);
  backward_row(sums[3], first + 3u, j4);
}

/// Four units of a row.
fn backward_row(sum: vec4<f32>, b: u32, j4: u32) {
  if (b >= params.batch) { return; }
  let size4 = params.size / 4u;
  let u = unit_index(params.step, b, 0u) / 4u + j4;
  let c = unit_index(0u, b, 0u) / 4u + j4;
  let g = gate_index(params.step, b, 0u) / 4u + j4;
  // A column a unit: r, z, n.
  let units = transpose(mat3x4<f32>(dgates[g], dgates[g + size4], dgates[g + 2u * size4]));
  let z = dgates[g + size4];
  let dh = doutput[u] + sum + select(carry[c], vec4<f32>(0.0), params.last == 1u);
  let inner4 = inner_of[u];
  let h = hidden_of[u];
  var d: mat4x4<f32>;
  for (var q = 0u; q < 4u; q++) { d[q] = cell_backward(units[q], inner4[q], h[q], dh[q]); }
  d = transpose(d);
  dgates[g] = d[0];
  dgates[g + size4] = d[1];
  dgates[g + 2u * size4] = d[2];
  dstate[g] = d[0];
  dstate[g + size4] = d[1];
  dstate[g + 2u * size4] = d[3];
  carry[c] = dh * z;
}
