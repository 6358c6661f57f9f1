// Inner products of the rows of two matrices.
//
// dots:  out[n] = sum over e of a[n, e] * b[n, e].
// scale: out[n, e] = factor[n] * a[n, e].
// Shapes: a, b [N, W]; factor [N]; out [N] or [N, W].
// Dispatch: 1-D over N or N * W threads, folded. Determinism: sums in rising order.

struct Params {
  rows: u32, // N
  width: u32, // W
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn dots(group: Group, @builtin(local_invocation_index) local: u32) {
  let n = thread_index(group, local);
  if (n >= params.rows) { return; }
  var sum = 0.0;
  for (var i = n * params.width; i < (n + 1) * params.width; i++) { sum += a[i] * b[i]; }
  out[n] = sum;
}

@compute @workgroup_size(64)
fn scale(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.rows * params.width) { return; }
  out[i] = factor[i / params.width] * a[i];
}
