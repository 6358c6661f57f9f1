// Weighted sums of chosen rows: the input's gradient of the scores of these classes (index_score.wgsl), or a bag of
// embeddings, whose weights then are dscores, and the bag dinput.
//
// Formula: dinput[n, e] = sum over k of dscores[n, k] * table[ids[n, k], e], and before[n, e] if ADDED.
// Shapes: dinput and before [N, E], table [V, E], ids and dscores [N, K], E counted in Vecs (vec.ts). With TABLE_ROWS,
//         table holds the rows ids[n, k] alone, in this order.
// Dispatch: 1-D over N * E Vecs, a thread each, folded. Determinism: sums in rising order.

override TABLE_ROWS: bool = false;
override ADDED: bool = false;

struct Params {
  N: u32,
  E: u32,
  K: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> dscores: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<Vec>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read> before: array<Vec>;
@group(0) @binding(4) var<storage, read_write> dinput: array<Vec>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let n = i / params.E;
  if (n >= params.N) { return; }
  let e = i % params.E;
  var sum = Vec(0);
  for (var k = n * params.K; k < (n + 1) * params.K; k++) {
    sum += dscores[k] * table[select(ids[k], k, TABLE_ROWS) * params.E + e];
  }
  if (ADDED) { sum += before[i]; }
  dinput[i] = sum;
}
