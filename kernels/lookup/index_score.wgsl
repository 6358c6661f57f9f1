// Scores of chosen classes, each row its own choice.
//
// scores:  out[n, k] = bias[ids[n, k]] + sum over e of x[n, e] * table[ids[n, k], e].
// scores4: the same for E a multiple of 4.
// Shapes: x [N, E], table [V, E], bias [V], ids and out [N, K]. With TABLE_ROWS or BIAS_ROWS, table or bias
//         hold the rows ids[n, k] alone, in this order.
// Dispatch: 1-D over N * K threads, folded. Determinism: sums in rising order.

override TABLE_ROWS: bool = false;
override BIAS_ROWS: bool = false;
override MANY_AT_A_TIME: bool = false; // four terms' loads are under way together, which keeps a GPU busy

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

@compute @workgroup_size(64)
fn scores(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let n = i / params.K;
  if (n >= params.N) { return; }
  let row_start = n * params.E;
  let row = select(ids[i], i, TABLE_ROWS) * params.E;
  var sum = 0.0;
  for (var e = 0u; e < params.E; e++) { sum += x[row_start + e] * table[row + e]; }
  out[i] = sum + bias[select(ids[i], i, BIAS_ROWS)];
}

@compute @workgroup_size(64)
fn scores4(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let n = i / params.K;
  if (n >= params.N) { return; }
  let E = params.E / 4;
  let row_start = n * E;
  let row = select(ids[i], i, TABLE_ROWS) * E;
  var sum = vec4f(0.0);
  var e = 0u;
  while (MANY_AT_A_TIME && e + 4 <= E) {
    let a = row_start + e;
    let b = row + e;
    let left = mat4x4f(x4[a], x4[a + 1], x4[a + 2], x4[a + 3]);
    let right = mat4x4f(table4[b], table4[b + 1], table4[b + 2], table4[b + 3]);
    sum = fma(left[3], right[3], fma(left[2], right[2], fma(left[1], right[1], fma(left[0], right[0], sum))));
    e += 4;
  }
  for (; e < E; e++) { sum = fma(x4[row_start + e], table4[row + e], sum); }
  out[i] = (sum.x + sum.y) + (sum.z + sum.w) + bias[select(ids[i], i, BIAS_ROWS)];
}
