// The K best scores of each row and their classes, a tile of the classes at a time.
//
// ids[n], scores[n] = the K best of the row's classes so far, best first; equal scores by the smaller id.
// NaN counts as the greatest, as in PyTorch, so that a model which has diverged is seen; -0 counts as 0.
// Shapes: tile [N, width], the classes first .. first + width - 1, its width counted in Vecs (vec.ts);
//         ids, scores [N, K], which hold min(K, first) entries before the launch.
// Dispatch: 1-D, one workgroup of THREADS threads a row, folded.
// Determinism: (score, id) is a total order, so the result does not depend on who comes first.
//
// Why this way: the K-th best so far is a threshold that few classes pass, about K ln(V / K) of a row in
// random order, so that nearly all of a row is read once, compared, and forgotten, without a barrier. Those
// that pass wait in workgroup memory, in any order. When there is no more room, and at the end of the tile,
// they are sorted (bitonic, over as many as there are) and merged by rank: an entry's new place is its own
// plus the number of better ones in the other list. Scores that rise with the id are the worst case: all
// pass, and a sort comes after every min(K, 512) of them.

override THREADS: u32 = 64u;
const MIN_ROOM = 64u;
const MAX_ROOM = 512u;
const MAX_K = 1024u;

struct Params {
  rows: u32, // N
  width: u32, // of the tile
  first: u32, // first class of the tile
  k: u32, // K
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> tile: array<Vec>;
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> scores: array<u32>; // the bits of floats

// A class is an entry (key of its score, ~id): the greater of two is the better one, and (0, 0) is none.
var<workgroup> best: array<vec2u, MAX_K>;
var<workgroup> waiting: array<vec2u, MAX_ROOM>;
var<workgroup> asked: atomic<u32>; // how many entries wanted to wait
var<workgroup> all_asked: u32;

fn better(a: vec2u, b: vec2u) -> bool { return a.x > b.x || (a.x == b.x && a.y > b.y); }

// Integers in the order of the floats: negative ones have all bits turned, others the sign alone.
fn keys_of(bits: vec4u) -> vec4u {
  let number = select(bits, vec4u(), bits == vec4u(0x80000000u));
  let keys = number ^ select(vec4u(0x80000000u), vec4u(0xffffffffu), number > vec4u(0x7fffffffu));
  return select(keys, vec4u(0xffffffffu), (bits & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}

fn stored(at: u32) -> vec2u { return vec2u(keys_of(vec4u(scores[at])).x, ~ids[at]); }

fn store(at: u32, entry: vec2u) {
  ids[at] = ~entry.y;
  scores[at] = entry.x ^ select(0xffffffffu, 0x80000000u, entry.x > 0x7fffffffu);
}

// Entries of the first `count` of `best` that are better than `entry`.
fn rank_in_best(entry: vec2u, count: u32) -> u32 {
  var low = 0u;
  var high = count;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (better(best[middle], entry)) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

// Entries of the first `count` of `waiting` that are better than `entry`.
fn rank_in_waiting(entry: vec2u, count: u32) -> u32 {
  var low = 0u;
  var high = count;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (better(waiting[middle], entry)) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

// Sorts the first `count` of `waiting`, best first.
fn sort_waiting(local: u32, count: u32) {
  var size = 1u;
  while (size < count) { size *= 2u; }
  for (var i = count + local; i < size; i += THREADS) { waiting[i] = vec2u(); }
  workgroupBarrier();
  for (var block = 2u; block <= size; block *= 2u) {
    for (var reach = block / 2u; reach > 0u; reach /= 2u) {
      for (var pair = local; pair < size / 2u; pair += THREADS) {
        let i = 2u * pair - pair % reach;
        let a = waiting[i];
        let b = waiting[i + reach];
        let swap = better(b, a) == ((i & block) == 0u);
        waiting[i] = select(a, b, swap); // always: a branch costs llvmpipe more than a store
        waiting[i + reach] = select(b, a, swap);
      }
      workgroupBarrier();
    }
  }
}

// Merges the first `count` of `waiting` into the row's best, of which there are `held`, from `begin` on.
fn merge(local: u32, count: u32, begin: u32, held: u32) {
  for (var i = local; i < held; i += THREADS) { best[i] = stored(begin + i); }
  sort_waiting(local, count); // with barriers
  for (var i = local; i < held; i += THREADS) {
    let place = i + rank_in_waiting(best[i], count);
    if (place < params.k) { store(begin + place, best[i]); }
  }
  for (var i = local; i < count; i += THREADS) {
    let place = i + rank_in_best(waiting[i], held);
    if (place < params.k) { store(begin + place, waiting[i]); }
  }
  storageBarrier();
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
  let n = group.x + group.y * groups.x;
  if (n >= params.rows) { return; }
  let begin = n * params.k;
  let room = clamp(params.k, MIN_ROOM, MAX_ROOM); // a short list fills soon: its threshold is there sooner
  var held = min(params.k, params.first);
  var i = local; // the next Vec
  var at = 0u; // and the next float of it
  loop {
    var worst = vec2u();
    if (held == params.k) { worst = stored(begin + held - 1u); }
    while (i < params.width) {
      let keys = keys_of(vec_bits(tile[n * params.width + i]));
      if (any(keys >= vec4u(worst.x))) {
        for (; at < VEC; at++) {
          let entry = vec2u(keys[at], ~(params.first + i * VEC + at));
          if (!better(entry, worst)) { continue; }
          let slot = atomicAdd(&asked, 1u);
          if (slot >= room) { break; }
          waiting[slot] = entry;
        }
        if (at < VEC) { break; } // again after the merge
      }
      at = 0u;
      i += THREADS;
    }
    workgroupBarrier();
    if (local == 0u) {
      all_asked = atomicLoad(&asked);
      atomicStore(&asked, 0u);
    }
    let wanted = workgroupUniformLoad(&all_asked);
    if (wanted == 0u) { break; }
    let count = min(wanted, room);
    merge(local, count, begin, held);
    if (wanted <= room) { break; }
    held = min(params.k, held + count);
    workgroupBarrier();
  }
}
