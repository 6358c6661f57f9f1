// One time step of a recurrent layer, the product fused with the cell; for any size and adapter.
//
// forward:  the sums hidden[t] W^T, to finish_forward. backward: dstate[t + 1] W, to finish_backward.
// Shapes: see recurrent.wgsl; weight is turned, [H, G H], for forward, and [G H, H] for backward.
// Dispatch: (ceil(H / 64), ceil(B / 4), 1); a thread owns one unit of four rows.
// Determinism: sums in rising order.

@group(0) @binding(0) var<storage, read> weight: array<f32>;

/// The rows of a thread at time t; those past the end repeat the last one and are not stored.
fn rows_at(t: u32, first: u32) -> vec4<u32> {
  return t * params.batch + min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.batch - 1u));
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
  let size = params.size;
  let j = id.x;
  let first = id.y * 4u;
  if (j >= size) { return; }
  let row_start = rows_at(params.step, first) * size;
  var sums = mat4x4<f32>();
  for (var k = 0u; k < size; k++) {
    let at = k * GATES * size + j;
    var w = vec4<f32>(weight[at], weight[at + size], weight[at + 2u * size], 0.0);
    if (GATES == 4u) { w.w = weight[at + 3u * size]; }
    sums[0] += hidden[row_start.x + k] * w;
    sums[1] += hidden[row_start.y + k] * w;
    sums[2] += hidden[row_start.z + k] * w;
    sums[3] += hidden[row_start.w + k] * w;
  }
  for (var r = 0u; r < 4u && first + r < params.batch; r++) {
    let sum = sums[r];
    finish_forward(array<Vec, 4>(sum.x, sum.y, sum.z, sum.w), first + r, j);
  }
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
  let size = params.size;
  let j = id.x;
  let first = id.y * 4u;
  if (j >= size) { return; }
  let row_start = rows_at(params.step + 1u, first) * GATES * size;
  let count = select(GATES * size, 0u, params.last == 1u);
  var sums = vec4<f32>();
  for (var m = 0u; m < count; m++) {
    let later = vec4<f32>(dstate[row_start.x + m], dstate[row_start.y + m], dstate[row_start.z + m],
                          dstate[row_start.w + m]);
    sums += later * weight[m * size + j];
  }
  for (var r = 0u; r < 4u && first + r < params.batch; r++) {
    finish_backward(select(sums[r], 0.0, ends(first + r)), first + r, j);
  }
}
