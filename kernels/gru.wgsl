// One time step of a GRU layer, the recurrent product fused with the cell; for any size and adapter.
//
// forward:  s = W hidden[t] + bias; gates[t], inner[t], hidden[t + 1], output[t] by the cell.
// backward: dhidden = doutput[t] + carry + dstate[t + 1] W; gates[t] becomes its gradient, dstate[t]
//           that of s, carry the part of hidden[t]'s gradient that does not pass through W.
// transpose_weight: turned[k, m] = weight[m, k].
// Shapes: see gru_cell.wgsl; weight [3H, H], bias [3H], turned [H, 3H].
// Dispatch: forward, backward: (ceil(H / 64), ceil(B / 4), 1), a thread owns one unit of four rows;
//           transpose_weight: 1-D over 3H * H threads, folded.
// Determinism: sums in rising order.

@group(0) @binding(0) var<storage, read> turned: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;
@group(0) @binding(3) var<storage, read_write> inner: array<f32>;
@group(0) @binding(4) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

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
  var sums: array<vec3<f32>, 4>;
  for (var k = 0u; k < size; k++) {
    let at = k * 3u * size + j;
    let w = vec3<f32>(turned[at], turned[at + size], turned[at + 2u * size]);
    sums[0] += hidden[row_start.x + k] * w;
    sums[1] += hidden[row_start.y + k] * w;
    sums[2] += hidden[row_start.z + k] * w;
    sums[3] += hidden[row_start.w + k] * w;
  }
  let b = vec3<f32>(bias[j], bias[j + size], bias[j + 2u * size]);
  for (var r = 0u; r < 4u && first + r < params.batch; r++) {
    let g = gate_index(t, first + r, j);
    let u = unit_index(t, first + r, j);
    let later = unit_index(t + 1u, first + r, j);
    let state = sums[r] + b;
    let input = vec3<f32>(gates[g], gates[g + size], gates[g + 2u * size]);
    let cell = cell_forward(input, state, hidden[u]);
    gates[g] = cell.x;
    gates[g + size] = cell.y;
    gates[g + 2u * size] = cell.z;
    inner[u] = state.z;
    hidden[later] = cell.w;
    output[u] = cell.w;
  }
}

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> inner_of: array<f32>;
@group(0) @binding(2) var<storage, read> hidden_of: array<f32>;
@group(0) @binding(3) var<storage, read> doutput: array<f32>;
@group(0) @binding(4) var<storage, read_write> dgates: array<f32>;
@group(0) @binding(5) var<storage, read_write> dstate: array<f32>;
@group(0) @binding(6) var<storage, read_write> carry: array<f32>;

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
  let size = params.size;
  let t = params.step;
  let j = id.x;
  let first = id.y * 4u;
  if (j >= size) { return; }
  let rows = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.batch - 1u));
  let row_start = (vec4<u32>((t + 1u) * params.batch) + rows) * 3u * size;
  var dhidden = vec4<f32>(0.0);
  if (params.last == 0u) {
    for (var m = 0u; m < 3u * size; m++) {
      let later = vec4<f32>(dstate[row_start.x + m], dstate[row_start.y + m],
                            dstate[row_start.z + m], dstate[row_start.w + m]);
      dhidden += later * weight[m * size + j];
    }
  }
  for (var r = 0u; r < 4u && first + r < params.batch; r++) {
    let g = gate_index(t, first + r, j);
    let u = unit_index(t, first + r, j);
    let c = unit_index(0u, first + r, j);
    let gates_at = vec3<f32>(dgates[g], dgates[g + size], dgates[g + 2u * size]);
    let dh = doutput[u] + dhidden[r] + select(carry[c], 0.0, params.last == 1u);
    let d = cell_backward(gates_at, inner_of[u], hidden_of[u], dh);
    dgates[g] = d.x;
    dgates[g + size] = d.y;
    dgates[g + 2u * size] = d.z;
    dstate[g] = d.x;
    dstate[g + size] = d.y;
    dstate[g + 2u * size] = d.w;
    carry[c] = dh * gates_at.y;
  }
}

@group(0) @binding(1) var<storage, read_write> turned_out: array<f32>;

@compute @workgroup_size(64)
fn transpose_weight(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                    @builtin(local_invocation_index) local: u32) {
  let i = (id.x + id.y * groups.x) * 64u + local;
  let rows = 3u * params.size;
  let k = i / rows;
  if (k >= params.size) { return; }
  turned_out[i] = weight[(i % rows) * params.size + k];
}
