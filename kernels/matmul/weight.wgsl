// Copies a weight for the products that read it, rounded to the nearest of the type's numbers.
//
// out[i] = x[i]; both in vectors of four, of which the last may go on after the weight's end.
// Prefixed with _weight_f16.wgsl. Dispatch: 1-D over the vectors, a thread each, folded.
// Determinism: nothing is summed.

struct Params {
  vectors: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<Weights>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i < params.vectors) { out[i] = Weights(x[i]); }
}
