// Exact softmax cross entropy over a tile of the classes at a time.
//
// accumulate: adds the tile's scores of row n to state[n] = (max, sum of exp(score - max)), and sets target_score
//             if the target is in it; after the last, log_z[n] = max + ln(sum), loss[n] = log_z[n] - target_score[n].
// gradient:   scores[n, v] = p * dlog_z[n] - [v is the target] * dloss[n] with p = exp(scores[n, v] - log_z[n]), in place:
//             dlog_z includes dloss, as loss = log_z - target_score. It is written so that an equal dlog_z adds exactly 0.
// Shapes: scores [N, width], the classes first .. first + width - 1; targets, loss, log_z,
//         target_score, dloss, dlog_z [N]; state [N, 2]. The width of scores is counted in Vecs (vec.ts).
// Dispatch: accumulate: 1-D, one workgroup of THREADS threads a row, folded;
//           gradient: 1-D over N * lanes threads, folded.
// Determinism: threads take fixed shares and are folded in order; tiles in order.
// Source of the running maximum: Milakov and Gimelshein 2018, "Online normalizer calculation".

override THREADS: u32 = 64;
override LAST: bool = false; // the last tile

const LOWEST = -3.4e38; // the maximum of a tile whose scores are all -infinity: it adds nothing to the sum

struct Params {
  N: u32,
  width: u32, // of the tile
  lanes: u32, // threads that share a row of the gradient
  first: u32, // first class of the tile; 0 starts the state
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> scores: array<Vec>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> log_z: array<f32>;
@group(0) @binding(5) var<storage, read_write> target_score: array<f32>;

var<workgroup> shares: array<f32, THREADS>;

// exp(score i - top), zero from `end` on.
fn exp_at(i: u32, end: u32, top: f32) -> Vec {
  return select(Vec(0), exp(scores[min(i, end - 1)] - top), i < end);
}

@compute @workgroup_size(THREADS)
fn accumulate(group: Group, @builtin(local_invocation_index) local: u32) {
  let n = group_index(group);
  if (n >= params.N) { return; }
  let begin = n * params.width;
  let end = begin + params.width;
  var highest = scores[begin];
  for (var i = begin + local; i < end; i += 4 * THREADS) { // four loads are under way together, here and below
    let first = max(scores[i], scores[min(i + THREADS, end - 1)]);
    let others = max(scores[min(i + 2 * THREADS, end - 1)], scores[min(i + 3 * THREADS, end - 1)]);
    highest = max(highest, max(first, others));
  }
  var top = max(vec_max(highest), LOWEST);
  shares[local] = top;
  workgroupBarrier();
  for (var other = 0u; other < THREADS; other++) { top = max(top, shares[other]); }
  workgroupBarrier();
  var own_sum = Vec(0);
  for (var i = begin + local; i < end; i += 4 * THREADS) {
    own_sum = own_sum + exp_at(i, end, top) + exp_at(i + THREADS, end, top) + exp_at(i + 2 * THREADS, end, top) +
      exp_at(i + 3 * THREADS, end, top);
  }
  var sum = vec_sum(own_sum);
  shares[local] = sum;
  workgroupBarrier();
  if (local != 0) { return; }
  for (var other = 1u; other < THREADS; other++) { sum += shares[other]; }
  if (params.first > 0) {
    let before = state[2 * n];
    let high = max(before, top);
    sum = sum * exp(top - high) + state[2 * n + 1] * exp(before - high);
    top = high;
  }
  state[2 * n] = top;
  state[2 * n + 1] = sum;
  let own = targets[n] - params.first; // wraps, and is too large, for earlier classes
  if (own < params.width * VEC) {
    target_score[n] = float_at(scores[begin + own / VEC], own % VEC);
  }
  if (LAST) {
    log_z[n] = top + log(sum);
    loss[n] = log_z[n] - target_score[n];
  }
}

@group(0) @binding(0) var<storage, read> dloss: array<f32>;
@group(0) @binding(2) var<storage, read> log_z_of: array<f32>;
@group(0) @binding(3) var<storage, read> dlog_z: array<f32>;
@group(0) @binding(4) var<storage, read_write> dscores: array<Vec>;

@compute @workgroup_size(64)
fn gradient(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let n = i / params.lanes;
  if (n >= params.N) { return; }
  let own = targets[n] - params.first; // wraps for earlier classes
  let log_z_here = log_z_of[n];
  let d = dloss[n];
  let more = dlog_z[n] - d;
  for (var v = i % params.lanes; v < params.width; v += params.lanes) {
    let at = n * params.width + v;
    let p = exp(dscores[at] - log_z_here);
    dscores[at] = (p - one_at(own - v * VEC)) * d + p * more;
  }
}
