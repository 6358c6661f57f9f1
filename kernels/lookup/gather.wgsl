// Rows of a table by id: out[i, e] = table[ids[i], e].
//
// Shapes: ids [n], table [V, W], out [n, W], W counted in Vecs (vec.ts).
// Dispatch: 1-D over n * W Vecs, a thread each, folded. Determinism: copies only.

struct Params {
  n: u32, // ids
  W: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<Vec>;
@group(0) @binding(2) var<storage, read_write> out: array<Vec>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let row = i / params.W;
  if (row >= params.n) { return; }
  out[i] = table[ids[row] * params.W + i % params.W];
}
