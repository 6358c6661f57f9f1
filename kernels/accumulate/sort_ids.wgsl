// Stable radix sort of (key, position) pairs, four bits a pass, and the segments of equal keys.
//
// Formula: element e of digit d goes to (elements with a smaller digit) + (earlier ones with digit d).
// A thread owns a chunk of CHUNK consecutive elements; T = ceil(n / CHUNK) threads.
// Dispatch: 1-D, folded; `scan` is one workgroup.
// Determinism: integers only, no atomics.

const CHUNK = 8;
const THREADS = 256;

override FIRST: bool = false; // the first pass, in which positions are those of the ids

struct Params {
  n: u32, // elements
  shift: u32, // histogram, scatter: of the digit's bits
  slots: u32, // segments
}
@group(1) @binding(0) var<uniform> params: Params;

// histogram: counts[d * T + t] = elements of digit d in chunk t.
@group(0) @binding(0) var<storage, read> keys_in: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;

@compute @workgroup_size(64)
fn histogram(group: Group, @builtin(local_invocation_index) local: u32) {
  let t = thread_index(group, local);
  let threads = (params.n + CHUNK - 1) / CHUNK;
  if (t >= threads) { return; }
  let begin = t * CHUNK;
  let end = min(begin + CHUNK, params.n);
  // Counts are at most CHUNK, so they fit in bytes: digit d is byte d % 4 of word d / 4.
  var packed = vec4u();
  for (var i = begin; i < end; i++) {
    let digit = (keys_in[i] >> params.shift) & 15;
    packed += select(vec4u(), vec4u(1) << vec4u((digit & 3) * 8),
                     vec4u(digit >> 2) == vec4u(0, 1, 2, 3));
  }
  for (var d = 0u; d < 4; d++) {
    let bits = (packed >> vec4u(d * 8)) & vec4u(255);
    counts[d * threads + t] = bits.x;
    counts[(4 + d) * threads + t] = bits.y;
    counts[(8 + d) * threads + t] = bits.z;
    counts[(12 + d) * threads + t] = bits.w;
  }
}

// scan: sums[i] = sum of sums[0 .. i - 1], in place, four at a time; what lies behind the n-th comes after all.
@group(0) @binding(0) var<storage, read_write> sums: array<vec4u>;
var<workgroup> thread_sums: array<u32, 256>;

@compute @workgroup_size(256)
fn scan(@builtin(local_invocation_index) local: u32) {
  let fours = (params.n + 3) / 4;
  let share = (fours + THREADS - 1) / THREADS;
  let begin = min(local * share, fours);
  let end = min(begin + share, fours);
  var all = vec4u();
  for (var i = begin; i < end; i++) { all += sums[i]; }
  let sum = all.x + all.y + all.z + all.w;
  thread_sums[local] = sum;
  workgroupBarrier();
  for (var reach = 1u; reach < THREADS; reach *= 2) {
    var below = 0u;
    if (local >= reach) { below = thread_sums[local - reach]; }
    workgroupBarrier();
    thread_sums[local] += below;
    workgroupBarrier();
  }
  var before = thread_sums[local] - sum;
  for (var i = begin; i < end; i++) {
    let v = sums[i];
    let two = v.x + v.y;
    sums[i] = before + vec4u(0, v.x, two, two + v.z);
    before += two + v.z + v.w;
  }
}

// scatter: moves every pair to its place for this digit.
@group(0) @binding(1) var<storage, read> positions_in: array<u32>;
@group(0) @binding(2) var<storage, read> starts_of: array<u32>;
@group(0) @binding(3) var<storage, read_write> keys_sorted: array<u32>;
@group(0) @binding(4) var<storage, read_write> positions_sorted: array<u32>;

@compute @workgroup_size(64)
fn scatter(group: Group, @builtin(local_invocation_index) local: u32) {
  let t = thread_index(group, local);
  let threads = (params.n + CHUNK - 1) / CHUNK;
  if (t >= threads) { return; }
  let begin = t * CHUNK;
  let end = min(begin + CHUNK, params.n);
  for (var i = begin; i < end; i++) {
    let key = keys_in[i];
    let digit = (key >> params.shift) & 15;
    var place = starts_of[digit * threads + t];
    for (var j = begin; j < i; j++) {
      place += select(0u, 1u, ((keys_in[j] >> params.shift) & 15) == digit);
    }
    keys_sorted[place] = key;
    if (FIRST) { positions_sorted[place] = i; } else { positions_sorted[place] = positions_in[i]; }
  }
}

// heads: counts[i] = 1 where a segment of equal sorted keys begins.
@compute @workgroup_size(64)
fn heads(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n) { return; }
  counts[i] = is_head(i);
}

fn is_head(i: u32) -> u32 {
  if (i == 0) { return 1; }
  return select(0u, 1u, keys_in[i] != keys_in[i - 1]);
}

// segments: unique[u], starts[u] for segment u; the slots left over get id 0xffffffff and start n.
// starts has slots + 1 entries.
@group(0) @binding(1) var<storage, read> slot_of: array<u32>;
@group(0) @binding(2) var<storage, read_write> unique: array<u32>;
@group(0) @binding(3) var<storage, read_write> starts: array<u32>;

@compute @workgroup_size(64)
fn segments(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let total = slot_of[params.n - 1] + is_head(params.n - 1);
  if (i < params.n && is_head(i) == 1) {
    unique[slot_of[i]] = keys_in[i];
    starts[slot_of[i]] = i;
  }
  if (i >= total && i <= params.slots) {
    starts[i] = params.n;
    if (i < params.slots) { unique[i] = 0xffffffff; }
  }
}
