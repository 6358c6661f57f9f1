// A tensor less a number that is on the GPU: out[i] = a[i] - value[0].
//
// Shapes: a, out of n elements, n4 = ceil(n / 4) (buffers are padded to 16 bytes); value [1].
// Dispatch: 1-D over n4 threads, folded. Determinism: one operation an element.

struct Params {
  n4: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> value: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i < params.n4) { out[i] = a[i] - value[0]; }
}
