// Adds summed rows into a dense table.
//
// Formula: table[unique[u] - base, e] += rows[u, e], for the table's rows from `base` on, `count` of them.
// Shapes: unique [slots], rows [slots, W], table [V, W], W counted in Vecs (vec.ts).
// Dispatch: 1-D over slots * W Vecs, a thread each, folded.
// Determinism: each row is added once.

struct Params {
  slots: u32,
  W: u32,
  base: u32,
  count: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> unique: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<Vec>;
@group(0) @binding(2) var<storage, read_write> table: array<Vec>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let u = i / params.W;
  if (u >= params.slots) { return; }
  let row = unique[u] - params.base; // wraps, and is too large, for earlier rows; so are slots without an id
  if (row >= params.count) { return; }
  table[row * params.W + i % params.W] += rows[i];
}
