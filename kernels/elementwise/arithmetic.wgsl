// Elementwise arithmetic on four elements a thread.
//
// Formula by OP: 0: out = a * b; 1: out = factor * a + offset (b is not read);
//                2: out = ln(factor * e^a + offset * e^b); 3: out = a - b[0].
// Shapes: a, b, out of n elements, b of one for OP 3; n4 = ceil(n / 4) (buffers are padded to 16 bytes).
// Dispatch: 1-D over n4 threads, folded. Determinism: one operation an element.

override OP: u32 = 0;

struct Params {
  n4: u32,
  factor: f32,
  offset: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n4) { return; }
  switch OP {
    case 0: { out[i] = a[i] * b[i]; }
    case 1: { out[i] = params.factor * a[i] + params.offset; }
    case 2: { out[i] = log(params.factor * exp(a[i]) + params.offset * exp(b[i])); }
    default: { out[i] = a[i] - b[0].x; }
  }
}
