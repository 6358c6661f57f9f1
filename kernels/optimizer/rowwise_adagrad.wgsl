// Adagrad with one sum of squares for each row, a W-th of Adagrad's memory:
//   d = norm[1] * g + weight_decay * p;  s = s + mean over the row of d^2;  p = p - lr * d / (sqrt(s) + epsilon).
//
// Shapes: p [V, W], squares [V]; g [n, W], with ROWS of the rows ids [n], each at most once; 0xffffffff stands
//         for none. W counted in Vecs (vec.ts). Of p and squares, the parts of `rows` rows from row `first` on
//         are bound; rows of other parts are left as they are. Without ROWS, row `first` is the first of g.
//         p is written as it is stored (tables.ts, rounding.ts).
// Dispatch: 1-D, one workgroup of THREADS threads a row of g, folded.
// Determinism: threads take fixed shares, which are added in order.
// Source: row-wise AdaGrad in Mudigere et al. 2022, arXiv 2104.05158.

override THREADS: u32 = 64;
override ROWS: bool = false;

struct Params {
  n: u32,
  W: u32,
  first: u32,
  rows: u32,
  lr: f32,
  weight_decay: f32,
  epsilon: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> g: array<Vec>;
@group(0) @binding(3 + PART) var<storage, read_write> p_PART: array<Stored>;
@group(0) @binding(3 + PARTS + PART) var<storage, read_write> squares_PART: array<f32>;

var<workgroup> shares: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let slot = group_index(group);
  if (slot >= params.n) { return; }
  var row = slot;
  if (ROWS) { row = ids[slot] - params.first; } // wraps, and is too large, for earlier rows
  if (row - PART * params.rows < params.rows) { update_PART(slot, row - PART * params.rows, local); }
}

#each PART
fn update_PART(slot: u32, row: u32, local: u32) {
  let own = slot * params.W;
  let begin = row * params.W;
  let number = (params.first + PART * params.rows + row) * params.W; // of the row's first Vec in the table
  var sum = Vec(0);
  for (var e = local; e < params.W; e += THREADS) {
    let d = norm[1] * g[own + e] + params.weight_decay * loaded(p_PART[begin + e]);
    sum += d * d;
  }
  shares[local] = vec_sum(sum);
  workgroupBarrier();
  var total = 0.0;
  for (var other = 0u; other < THREADS; other++) { total += shares[other]; }
  let s = squares_PART[row] + total / f32(params.W * VEC);
  storageBarrier(); // every thread has read the sum
  if (local == 0) { squares_PART[row] = s; }
  let rate = params.lr / (sqrt(s) + params.epsilon);
  for (var e = local; e < params.W; e += THREADS) {
    let p = loaded(p_PART[begin + e]);
    let value = p - rate * (norm[1] * g[own + e] + params.weight_decay * p);
    p_PART[begin + e] = stored(value, number + e);
  }
}
#end
