// Scores of chosen classes, each row its own choice.
//
// scores:  out[n, k] = bias[ids[n, k]] + sum over e of x[n, e] * table[ids[n, k], e].
// scores4: the same for E a multiple of 4.
// shared4: likewise, for GPUs: LANES threads share a sum, so that they read side by side.
// Shapes: x [N, E], table [V, E], bias [V], ids and out [N, K]. With TABLE_ROWS or BIAS_ROWS, table or bias
//         hold the rows ids[n, k] alone, in this order.
// Dispatch: 1-D over N * K threads, for shared4 LANES times as many, folded.
// Determinism: sums in rising order, in shared4 of every LANES-th vec4, and then lane by lane.

override TABLE_ROWS: bool = false;
override BIAS_ROWS: bool = false;

const LANES = 16;

struct Params {
  N: u32,
  E: u32,
  K: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(0) var<storage, read> x4: array<vec4f>;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(1) var<storage, read> table4: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> ids: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

// What every `step`-th vec4 from `first` on adds to score i.
fn sum_of(i: u32, first: u32, step: u32) -> f32 {
  let E = params.E / 4;
  let row_start = i / params.K * E;
  let row = select(ids[i], i, TABLE_ROWS) * E;
  var sum = vec4f(0.0);
  for (var e = first; e < E; e += step) { sum = fma(x4[row_start + e], table4[row + e], sum); }
  return (sum.x + sum.y) + (sum.z + sum.w);
}

fn store(i: u32, sum: f32) { out[i] = sum + bias[select(ids[i], i, BIAS_ROWS)]; }

@compute @workgroup_size(64)
fn scores(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let n = i / params.K;
  if (n >= params.N) { return; }
  let row_start = n * params.E;
  let row = select(ids[i], i, TABLE_ROWS) * params.E;
  var sum = 0.0;
  for (var e = 0u; e < params.E; e++) { sum += x[row_start + e] * table[row + e]; }
  store(i, sum);
}

@compute @workgroup_size(64)
fn scores4(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i < params.N * params.K) { store(i, sum_of(i, 0, 1)); }
}

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn shared4(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = group_index(group) * (64 / LANES) + local / LANES; // so that 2^32 threads are not too many
  let lane = local % LANES;
  if (i < params.N * params.K) { sums[local] = sum_of(i, lane, LANES); }
  workgroupBarrier();
  if (lane > 0 || i >= params.N * params.K) { return; }
  var sum = sums[local];
  for (var other = 1u; other < LANES; other++) { sum += sums[local + other]; }
  store(i, sum);
}
