// One time step of an LSTM layer, the recurrent product fused with the cell; for any size and adapter.
//
// forward:  gates[t] += hidden[t] W^T; gates[t], cells[t + 1], hidden[t + 1], output[t] by the cell.
// backward: dhidden = doutput[t] + gates[t + 1] W (there already a gradient); gates[t] becomes its
//           gradient, dcell that of cells[t].
// transpose_weight: turned[k, m] = weight[m, k].
// Shapes: see lstm_cell.wgsl; weight [4H, H], turned [H, 4H].
// Dispatch: forward, backward: (ceil(H / 64), ceil(B / 4), 1), a thread owns one unit of four rows;
//           transpose_weight: 1-D over 4H * H threads, folded.
// Determinism: sums in rising order.

@group(0) @binding(0) var<storage, read> turned: array<f32>;
@group(0) @binding(1) var<storage, read_write> gates: array<f32>;
@group(0) @binding(2) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(3) var<storage, read_write> cells: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
  let size = params.size;
  let t = params.step;
  let j = id.x;
  let first = id.y * 4u;
  if (j >= size) { return; }
  // Rows past the end repeat the last one and are not stored.
  let rows = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.batch - 1u));
  let row_start = (vec4<u32>(t * params.batch) + rows) * size;
  var sums = mat4x4<f32>();
  for (var k = 0u; k < size; k++) {
    let at = k * 4u * size + j;
    let w = vec4<f32>(turned[at], turned[at + size], turned[at + 2u * size], turned[at + 3u * size]);
    sums[0] += hidden[row_start.x + k] * w;
    sums[1] += hidden[row_start.y + k] * w;
    sums[2] += hidden[row_start.z + k] * w;
    sums[3] += hidden[row_start.w + k] * w;
  }
  for (var r = 0u; r < 4u; r++) {
    let b = first + r;
    if (b >= params.batch) { return; }
    let g = gate_index(t, b, j);
    let input = vec4<f32>(gates[g], gates[g + size], gates[g + 2u * size], gates[g + 3u * size]);
    let cell = cell_forward(input + sums[r], cells[unit_index(t, b, j)]);
    gates[g] = cell.gates.x;
    gates[g + size] = cell.gates.y;
    gates[g + 2u * size] = cell.gates.z;
    gates[g + 3u * size] = cell.gates.w;
    cells[unit_index(t + 1u, b, j)] = cell.cell;
    hidden[unit_index(t + 1u, b, j)] = cell.hidden;
    output[unit_index(t, b, j)] = cell.hidden;
  }
}

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> cells_of: array<f32>;
@group(0) @binding(2) var<storage, read> doutput: array<f32>;
@group(0) @binding(3) var<storage, read_write> dgates: array<f32>;
@group(0) @binding(4) var<storage, read_write> dcell: array<f32>;

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
  let size = params.size;
  let t = params.step;
  let j = id.x;
  let first = id.y * 4u;
  if (j >= size) { return; }
  let rows = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.batch - 1u));
  let row_start = (vec4<u32>((t + 1u) * params.batch) + rows) * 4u * size;
  var dhidden = vec4<f32>(0.0);
  if (params.last == 0u) {
    for (var m = 0u; m < 4u * size; m++) {
      let later = vec4<f32>(dgates[row_start.x + m], dgates[row_start.y + m], dgates[row_start.z + m],
                            dgates[row_start.w + m]);
      dhidden += later * weight[m * size + j];
    }
  }
  for (var r = 0u; r < 4u; r++) {
    let b = first + r;
    if (b >= params.batch) { return; }
    let g = gate_index(t, b, j);
    let u = unit_index(0u, b, j);
    let at = vec4<f32>(dgates[g], dgates[g + size], dgates[g + 2u * size], dgates[g + 3u * size]);
    let carried = select(dcell[u], 0.0, params.last == 1u);
    let d = cell_backward(at, cells_of[unit_index(t + 1u, b, j)], cells_of[unit_index(t, b, j)],
                          doutput[unit_index(t, b, j)] + dhidden[r], carried);
    dgates[g] = d.gates.x;
    dgates[g + size] = d.gates.y;
    dgates[g + 2u * size] = d.gates.z;
    dgates[g + 3u * size] = d.gates.w;
    dcell[u] = d.previous;
  }
}

@group(0) @binding(1) var<storage, read_write> turned_out: array<f32>;

@compute @workgroup_size(64)
fn transpose_weight(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                    @builtin(local_invocation_index) local: u32) {
  let i = (id.x + id.y * groups.x) * 64u + local;
  let rows = 4u * params.size;
  let k = i / rows;
  if (k >= params.size) { return; }
  turned_out[i] = weight[(i % rows) * params.size + k];
}
