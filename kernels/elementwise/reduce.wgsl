// Sums over all elements.
//
// partial: partials[offset + g] = sum of a[i], or of a[i] * b[i] if PRODUCT, or of a[i] ^ 2 if SQUARE, over
//          group g's share.
// total:   out[0] = sum of partials[0 .. n - 1].
// Shapes: a, b [n], n counted in Vecs (tables.ts); partials [groups]; out [1].
// Dispatch: partial: `groups` workgroups; total: one.
// Determinism: fixed shares, a fixed tree within a workgroup. Prefixed with _workgroup_sum.wgsl.

override PRODUCT: bool = false;
override SQUARE: bool = false;
const THREADS = 64u;

struct Params {
  n: u32,
  groups: u32,
  offset: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> a: array<Stored>;
@group(0) @binding(1) var<storage, read> b: array<Vec>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn partial(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) local: u32) {
  var sum = Vec(0);
  let share = (params.n + params.groups - 1) / params.groups;
  let end = min((id.x + 1) * share, params.n);
  for (var i = id.x * share + local; i < end; i += THREADS) {
    let x = loaded(a[i]);
    if (PRODUCT) { sum += x * b[i]; } else if (SQUARE) { sum += x * x; } else { sum += x; }
  }
  let all = workgroup_sum(local, vec_sum(sum));
  if (local == 0) { partials[params.offset + id.x] = all; }
}

@compute @workgroup_size(64)
fn total(@builtin(local_invocation_index) local: u32) {
  var sum = Vec(0);
  for (var i = local; i < params.n; i += THREADS) { sum += loaded(a[i]); }
  let all = workgroup_sum(local, vec_sum(sum));
  if (local == 0) { out[0] = all; }
}
