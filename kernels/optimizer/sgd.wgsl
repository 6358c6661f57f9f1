// Stochastic gradient descent with momentum and weight decay, as PyTorch defines it.
//
// Formula, d = scale * g + weight_decay * p:  m = momentum * m + d;  p = p - lr * m.
// dense: all elements, four a thread. lazy_rows.wgsl updates tables by rows.
// norm:  norm[0] = sqrt(sum of partials), norm[1] = min(1, clip / (norm + 1e-6)), the scale.
// Shapes: p, m, g of 4 n elements at most; partials [n]; norm [2].
// Dispatch: dense: 1-D over n threads, folded; norm: one workgroup.
// Determinism: fixed shares, summed in order.

struct Params {
  n: u32, // dense: groups of four; norm: number of partials
  lr: f32,
  momentum: f32,
  weight_decay: f32,
  clip: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> norm_of: array<f32>;
@group(0) @binding(1) var<storage, read> g: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> p: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;

@compute @workgroup_size(64)
fn dense(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n) { return; }
  let value = p[i];
  let moment = params.momentum * m[i] + norm_of[1] * g[i] + params.weight_decay * value;
  m[i] = moment;
  p[i] = value - params.lr * moment;
}

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm_out: array<f32>;

var<workgroup> shares: array<f32, 64>;

@compute @workgroup_size(64)
fn norm(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < params.n; i += 64) { sum += partials[i]; }
  shares[thread] = sum;
  workgroupBarrier();
  if (thread > 0) { return; }
  for (var i = 1u; i < 64; i++) { sum += shares[i]; }
  let length = sqrt(sum);
  norm_out[0] = length;
  norm_out[1] = min(1.0, params.clip / (length + 1e-6));
}
