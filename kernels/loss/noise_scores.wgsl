// Noise samples that do not count, taken out of a matrix of their scores, and a count of hits.
//
// exclude: out[n, i] = -1e30 where sample i does not count for target n, else scores[n, i]. A sample does
//          not count if OWN_SLOT and i = own + n's row in the whole batch, or if HITS and noise[i] = targets[n].
// hits:    counts[0] += number of pairs with noise = target, counts[2] += number of pairs, each with the word after
//          it for what is over 2^32. Rows of weight 0 are left out, and a target's own slot if OWN_SLOT.
// Shapes: scores and out [N, K]; targets and weights [N]; noise [K], or [N, K] if PER_ROW; counts [4].
// Dispatch: exclude: 1-D over N * K threads, folded;
//           hits: 1-D, one workgroup of THREADS threads for HIT_ROWS rows, folded.
// Determinism: integers are counted; nothing else is summed.

override OWN_SLOT: bool = false;
override HITS: bool = false;
override PER_ROW: bool = false;
override THREADS: u32 = 64;
override HIT_ROWS: u32 = 1; // for GPUs 4: fewer workgroups wait for each other at the counts

const EXCLUDED = -1e30; // finite, so that no infinity meets another

struct Params {
  N: u32,
  K: u32,
  own: u32, // the column that is the batch's row 0's own target
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> targets: array<u32>;
@group(0) @binding(1) var<storage, read> noise: array<u32>;
@group(0) @binding(2) var<storage, read> scores: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn is_hit(n: u32, i: u32) -> bool {
  return noise[select(i, n * params.K + i, PER_ROW)] == targets[n];
}

fn is_own(n: u32, i: u32) -> bool {
  return OWN_SLOT && i == params.own + whole_row(n);
}

@compute @workgroup_size(64)
fn exclude(group: Group, @builtin(local_invocation_index) local: u32) {
  let at = thread_index(group, local);
  let n = at / params.K;
  if (n >= params.N) { return; }
  let i = at % params.K;
  let excluded = is_own(n, i) || (HITS && is_hit(n, i));
  out[at] = select(scores[at], EXCLUDED, excluded);
}

@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

fn add(word: u32, more: u32) {
  let before = atomicAdd(&counts[word], more);
  if (before + more < before) { atomicAdd(&counts[word + 1], 1); }
}

var<workgroup> shares: array<u32, THREADS>;

@compute @workgroup_size(THREADS)
fn hits(group: Group, @builtin(local_invocation_index) local: u32) {
  let first = group_index(group) * HIT_ROWS;
  var found = 0u;
  var rows = 0u;
  for (var n = first; n < min(params.N, first + HIT_ROWS); n++) {
    if (weights[n] == 0) { continue; }
    rows++;
    for (var i = local; i < params.K; i += THREADS) {
      found += select(0u, 1u, is_hit(n, i) && !is_own(n, i));
    }
  }
  shares[local] = found;
  workgroupBarrier();
  if (local > 0 || rows == 0) { return; }
  for (var other = 1u; other < THREADS; other++) { found += shares[other]; }
  if (found > 0) { add(0, found); }
  add(2, rows * (params.K - select(0u, 1u, OWN_SLOT)));
}
