// The global norm of gradients, and the factor that clips it.
//
// Formula: norm[0] = sqrt(sum of partials), norm[1] = min(1, clip / (norm[0] + 1e-6)), or 1 if clip is UNLIMITED:
//          then a gradient whose squares overflow is not taken for one to be clipped to nothing.
// Shapes: partials [n], norm [2].
// Dispatch: one workgroup.
// Determinism: fixed shares, summed in order.

const UNLIMITED = 3.4e38; // WGSL has no infinity

struct Params {
  n: u32,
  clip: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;

var<workgroup> shares: array<f32, 64>;

fn partial(i: u32) -> f32 { return select(0.0, partials[min(i, params.n - 1)], i < params.n); }

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < params.n; i += 512) { // eight loads are under way together
    sum = sum + partial(i) + partial(i + 64) + partial(i + 128) + partial(i + 192) + partial(i + 256) +
      partial(i + 320) + partial(i + 384) + partial(i + 448);
  }
  shares[thread] = sum;
  workgroupBarrier();
  if (thread > 0) { return; }
  for (var i = 1u; i < 64; i++) { sum += shares[i]; }
  let length = sqrt(sum);
  norm[0] = length;
  norm[1] = select(1.0, min(1.0, params.clip / (length + 1e-6)), params.clip < UNLIMITED);
}
