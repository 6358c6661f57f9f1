// One time step of an LSTM layer for adapters whose subgroups are the CPU's vectors (llvmpipe).
//
// The same formulas as lstm.wgsl. A lane loads a row's next four hidden values once and broadcasts
// them to the lanes, each of which owns a unit (forward) or four (backward) of up to 32 rows: there,
// loading is a hundred times dearer than multiplying. H must be a multiple of 4.
// Shapes: see lstm_cell.wgsl; weight [4H, H].
// Dispatch: forward (ceil(H / LANES), ceil(B / 32), 1); backward (ceil(H / (4 LANES)), ceil(B / 32), 1).
// Determinism: sums in rising order of fixed blocks of four.

override LANES: u32 = 8u; // the subgroup's size: 8 or 16

@group(0) @binding(0) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> gates: array<f32>;
@group(0) @binding(2) var<storage, read_write> hidden: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> cells: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

/// Four rows' values, one row a column, from the lanes `low` .. `low + 3` of each half.
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
  let last_row = params.batch - 1u;
  let j = group.x * LANES + lane;
  let unit = min(j, size - 1u); // lanes past the end repeat the last unit and store nothing
  let first = group.y * 32u;
  let rows = vec4<u32>(first + (lane & 7u)) + vec4<u32>(0u, 8u, 16u, 24u);
  let base = vec4<u32>(params.step * params.batch) + min(rows, vec4<u32>(last_row));
  var h_at = base * size4;
  var w_at = (vec4<u32>(unit) + vec4<u32>(0u, 1u, 2u, 3u) * size) * size4;
  var c0 = mat4x4<f32>();
  var c1 = mat4x4<f32>();
  var c2 = mat4x4<f32>();
  var c3 = mat4x4<f32>();
  var c4 = mat4x4<f32>();
  var c5 = mat4x4<f32>();
  var c6 = mat4x4<f32>();
  var c7 = mat4x4<f32>();
  let count = params.batch - first;
  for (var k = 0u; k < size4; k++) {
    let w = transpose(mat4x4<f32>(weight[w_at.x], weight[w_at.y], weight[w_at.z], weight[w_at.w]));
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
    w_at += vec4<u32>(1u);
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

fn store_rows(sums: mat4x4<f32>, first: u32, j: u32) {
  store_row(sums[0], first, j);
  store_row(sums[1], first + 1u, j);
  store_row(sums[2], first + 2u, j);
  store_row(sums[3], first + 3u, j);
}

fn store_row(sum: vec4<f32>, b: u32, j: u32) {
  let size = params.size;
  if (b >= params.batch || j >= size) { return; }
  let g = gate_index(params.step, b, j);
  let input = vec4<f32>(gates[g], gates[g + size], gates[g + 2u * size], gates[g + 3u * size]);
  let cell = cell_forward(input + sum, cells[unit_index(params.step, b, j)]);
  gates[g] = cell.gates.x;
  gates[g + size] = cell.gates.y;
  gates[g + 2u * size] = cell.gates.z;
  gates[g + 3u * size] = cell.gates.w;
  let later = unit_index(params.step + 1u, b, j);
  cells[later] = cell.cell;
  hidden[later / 4u][later % 4u] = cell.hidden;
  output[unit_index(params.step, b, j)] = cell.hidden;
}

@group(0) @binding(1) var<storage, read> cells_of: array<f32>;
@group(0) @binding(2) var<storage, read> doutput: array<f32>;
@group(0) @binding(3) var<storage, read_write> dgates: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dcell: array<f32>;

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let size = params.size;
  let size4 = size / 4u;
  let last_row = params.batch - 1u;
  let j4 = group.x * LANES + lane;
  let first = group.y * 32u;
  let rows = vec4<u32>(first + (lane & 7u)) + vec4<u32>(0u, 8u, 16u, 24u);
  let base = vec4<u32>((params.step + 1u) * params.batch) + min(rows, vec4<u32>(last_row));
  var g_at = base * size;
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
  let blocks = select(size, 0u, params.last == 1u); // 4H gates in blocks of four
  for (var m = 0u; m < blocks; m++) {
    let w = mat4x4<f32>(weight[w_at.x], weight[w_at.y], weight[w_at.z], weight[w_at.w]);
    let d0 = dgates[g_at.x];
    c0 += w * lower(d0);
    c1 += w * upper(d0);
    if (count > 8u) {
      let d1 = dgates[g_at.y];
      c2 += w * lower(d1);
      c3 += w * upper(d1);
    }
    if (count > 16u) {
      let d2 = dgates[g_at.z];
      c4 += w * lower(d2);
      if (count > 20u) { c5 += w * upper(d2); }
    }
    if (count > 24u) {
      let d3 = dgates[g_at.w];
      c6 += w * lower(d3);
      c7 += w * upper(d3);
    }
    g_at += vec4<u32>(1u);
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

/// Four units of a row: a matrix holds a gate a column, a unit a row.
fn backward_row(sum: vec4<f32>, b: u32, j4: u32) {
  if (b >= params.batch) { return; }
  let size4 = params.size / 4u;
  let g = gate_index(params.step, b, 4u * j4) / 4u;
  let u = unit_index(0u, b, 4u * j4);
  let now = unit_index(params.step, b, 4u * j4);
  let later = unit_index(params.step + 1u, b, 4u * j4);
  let at = transpose(mat4x4<f32>(dgates[g], dgates[g + size4], dgates[g + 2u * size4],
                                 dgates[g + 3u * size4]));
  var d = mat4x4<f32>();
  for (var q = 0u; q < 4u; q++) {
    let carried = select(dcell[u + q], 0.0, params.last == 1u);
    let unit = cell_backward(at[q], cells_of[later + q], cells_of[now + q], doutput[now + q] + sum[q],
                             carried);
    d[q] = unit.gates;
    dcell[u + q] = unit.previous;
  }
  d = transpose(d);
  dgates[g] = d[0];
  dgates[g + size4] = d[1];
  dgates[g + 2u * size4] = d[2];
  dgates[g + 3u * size4] = d[3];
}
