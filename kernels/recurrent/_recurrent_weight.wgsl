// The recurrent weight of the kernels for GPUs: [H, G H] for forward, so that neighbouring threads read
// neighbouring floats, and [G H, H] for backward. A library, see recurrent.wgsl.

@group(0) @binding(0) var<storage, read> weight: array<f32>;

/// What column k of the weights [G H, H] has for the gates of unit j; zero for a gate that is not there.
fn gates_at(k: u32, j: u32) -> vec4f {
  let size = params.size;
  let at = k * GATES * size + j;
  var w = vec4f(weight[at], weight[at + size], weight[at + 2u * size], 0.0);
  if (GATES == 4u) { w.w = weight[at + 3u * size]; }
  return w;
}
