// Losses of a target's score against the scores of K noise samples, row by row.
//
// nce:     G(y) = s(y) - c - ln q(y) - ln k
//          loss = softplus(-G(target)) + sum over i of softplus(G(noise_i))
// sampled: l(y) = s(y) - ln q(y)
//          loss = logsumexp(l(target), l(noise_1) .. l(noise_K)) - l(target)
// noise_partition: loss = ln Z^ = logsumexp(l(noise_1) .. l(noise_K)) - ln k; Z^ is an unbiased estimate of Z.
// dnce, dsampled, dpartition: derivatives with respect to the scores, times the row's dloss.
// softplus(z) = max(z, 0) + log(1 + exp(-|z|)).
// Shapes: target, target_logq, loss, dloss, lse [N]; noise [N, K]; noise_logq [K], or [N, K] if PER_ROW;
//         dscores: dtarget [N] and dnoise [N, K].
// Dispatch: nce, sampled, noise_partition: 1-D, one workgroup of THREADS threads a row, folded;
//           dnce, dsampled: 1-D over N * (K + 1) threads, dpartition: over N * K, folded.
// Determinism: threads take fixed shares and are summed in order.
// Source: Gutmann and Hyvarinen 2010; Mnih and Teh 2012; Jean et al. 2014; Ma and Collins 2018.

override THREADS: u32 = 64;
override PER_ROW: bool = false;

struct Params {
  rows: u32, // N
  count: u32, // K
  shift: f32, // nce: c + ln k; sampled: 0; noise_partition: ln k
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> target_score: array<f32>;
@group(0) @binding(1) var<storage, read> noise_score: array<f32>;
@group(0) @binding(2) var<storage, read> target_logq: array<f32>;
@group(0) @binding(3) var<storage, read> noise_logq: array<f32>;
@group(0) @binding(4) var<storage, read_write> loss: array<f32>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

var<workgroup> shares: array<f32, THREADS>;

fn softplus(z: f32) -> f32 {
  let e = exp(-abs(z));
  // log(1 + e) loses the small e; the series is exact to float32 there.
  let log1p = select(log(1.0 + e), e * (1.0 - 0.5 * e), e < 1e-4);
  return max(z, 0.0) + log1p;
}

fn sigmoid(z: f32) -> f32 {
  let e = exp(-abs(z));
  return select(e, 1.0, z >= 0.0) / (1.0 + e);
}

fn target_logit(n: u32) -> f32 {
  return target_score[n] - target_logq[n] - params.shift;
}

fn noise_logit(n: u32, i: u32) -> f32 {
  let at = n * params.count + i;
  return noise_score[at] - noise_logq[select(i, at, PER_ROW)] - params.shift;
}

@compute @workgroup_size(THREADS)
fn nce(thread: Thread) {
  let n = group_index(thread);
  if (n >= params.rows) { return; }
  var sum = 0.0;
  for (var i = thread.local; i < params.count; i += THREADS) { sum += softplus(noise_logit(n, i)); }
  shares[thread.local] = sum;
  workgroupBarrier();
  if (thread.local == 0) {
    for (var other = 1u; other < THREADS; other++) { sum += shares[other]; }
    loss[n] = softplus(-target_logit(n)) + sum;
  }
}

// The maximum over the row's noise logits and `start`; the same in every thread.
fn noise_max(n: u32, local: u32, start: f32) -> f32 {
  var top = start;
  for (var i = local; i < params.count; i += THREADS) { top = max(top, noise_logit(n, i)); }
  shares[local] = top;
  workgroupBarrier();
  for (var thread = 0u; thread < THREADS; thread++) { top = max(top, shares[thread]); }
  workgroupBarrier();
  return top;
}

// The sum of exp(noise logit - top); whole in thread 0 alone.
fn noise_exp_sum(n: u32, local: u32, top: f32) -> f32 {
  var sum = 0.0;
  for (var i = local; i < params.count; i += THREADS) { sum += exp(noise_logit(n, i) - top); }
  shares[local] = sum;
  workgroupBarrier();
  if (local == 0) {
    for (var thread = 1u; thread < THREADS; thread++) { sum += shares[thread]; }
  }
  return sum;
}

@compute @workgroup_size(THREADS)
fn sampled(thread: Thread) {
  let n = group_index(thread);
  if (n >= params.rows) { return; }
  let own = target_logit(n);
  let top = noise_max(n, thread.local, own);
  let sum = noise_exp_sum(n, thread.local, top);
  if (thread.local == 0) {
    let all = top + log(exp(own - top) + sum);
    lse[n] = all;
    loss[n] = all - own;
  }
}

@compute @workgroup_size(THREADS)
fn noise_partition(thread: Thread) {
  let n = group_index(thread);
  if (n >= params.rows) { return; }
  let top = noise_max(n, thread.local, noise_logit(n, 0));
  let sum = noise_exp_sum(n, thread.local, top);
  if (thread.local == 0) { loss[n] = top + log(sum); }
}

@group(0) @binding(4) var<storage, read> dloss: array<f32>;
@group(0) @binding(5) var<storage, read_write> dtarget: array<f32>;
@group(0) @binding(6) var<storage, read_write> dnoise: array<f32>;

@compute @workgroup_size(64)
fn dnce(thread: Thread) {
  let t = thread_index(thread);
  let n = t / (params.count + 1);
  if (n >= params.rows) { return; }
  let i = t % (params.count + 1);
  if (i == params.count) {
    dtarget[n] = -sigmoid(-target_logit(n)) * dloss[n];
  } else {
    dnoise[n * params.count + i] = sigmoid(noise_logit(n, i)) * dloss[n];
  }
}

@group(0) @binding(5) var<storage, read> lse_of: array<f32>;
@group(0) @binding(6) var<storage, read_write> dtarget_sampled: array<f32>;
@group(0) @binding(7) var<storage, read_write> dnoise_sampled: array<f32>;

@compute @workgroup_size(64)
fn dsampled(thread: Thread) {
  let t = thread_index(thread);
  let n = t / (params.count + 1);
  if (n >= params.rows) { return; }
  let i = t % (params.count + 1);
  if (i == params.count) {
    dtarget_sampled[n] = (exp(target_logit(n) - lse_of[n]) - 1.0) * dloss[n];
  } else {
    dnoise_sampled[n * params.count + i] = exp(noise_logit(n, i) - lse_of[n]) * dloss[n];
  }
}

@group(0) @binding(6) var<storage, read_write> dnoise_partition: array<f32>;

@compute @workgroup_size(64)
fn dpartition(thread: Thread) {
  let t = thread_index(thread);
  let n = t / params.count;
  if (n >= params.rows) { return; }
  dnoise_partition[t] = exp(noise_logit(n, t % params.count) - lse_of[n]) * dloss[n];
}
