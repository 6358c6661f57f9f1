// The k best scores of each row and their classes, a tile of the classes at a time.
//
// ids[n], scores[n] = the k best of the row's classes so far, best first; equal scores by the smaller id.
// NaN counts as the greatest, as in PyTorch, so that a model which has diverged is seen; -0 counts as 0.
// Shapes: tile [N, width], the classes first .. first + width - 1, its width counted in Vecs (vec.ts);
//         ids, scores [N, k], which hold min(k, first) entries before the launch.
// Dispatch: 1-D, one workgroup of THREADS threads a row, folded.
// Determinism: (score, id) is a total order, so the result does not depend on who comes first.
//
// Why this way: the k-th best so far is a threshold that few classes pass, about k ln(V / k) of a row in
// random order, so that nearly all of a row is read once, compared, and forgotten, without a barrier. Those
// that pass wait in workgroup memory, in any order. When there is no more room, and at the end of the tile,
// they are sorted (bitonic, over as many as there are) and merged by rank: an entry's new place is its own
// plus the number of better ones in the other list. Scores that rise with the id are the worst case: all
// pass, and a sort comes after every min(k, 512) of them.

override THREADS: u32 = 64;
const MIN_ROOM = 64u;
const MAX_ROOM = 512u;
const MAX_K = 1024u;
const SIGN: u32 = 0x80000000; // the bit of a float
const ALL: u32 = 0xffffffff; // all bits

struct Params {
  N: u32,
  width: u32, // of the tile
  first: u32, // first class of the tile
  k: u32,
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
  let number = select(bits, vec4u(), bits == vec4u(SIGN));
  let keys = number ^ select(vec4u(SIGN), vec4u(ALL), number >= vec4u(SIGN));
  return select(keys, vec4u(ALL), (bits & vec4u(~SIGN)) > vec4u(0x7f800000));
}

fn stored(at: u32) -> vec2u { return vec2u(keys_of(vec4u(scores[at])).x, ~ids[at]); }

fn store(at: u32, entry: vec2u) {
  ids[at] = ~entry.y;
  scores[at] = entry.x ^ select(ALL, SIGN, entry.x >= SIGN);
}

// Entries of the first `count` of `best` that are better than `entry`.
fn rank_in_best(entry: vec2u, count: u32) -> u32 {
  var low = 0u;
  var high = count;
  while (low < high) {
    let middle = (low + high) / 2;
    if (better(best[middle], entry)) { low = middle + 1; } else { high = middle; }
  }
  return low;
}

// Entries of the first `count` of `waiting` that are better than `entry`.
fn rank_in_waiting(entry: vec2u, count: u32) -> u32 {
  var low = 0u;
  var high = count;
  while (low < high) {
    let middle = (low + high) / 2;
    if (better(waiting[middle], entry)) { low = middle + 1; } else { high = middle; }
  }
  return low;
}

// Sorts the first `count` of `waiting`, best first.
fn sort_waiting(local: u32, count: u32) {
  var size = 1u;
  while (size < count) { size *= 2; }
  for (var i = count + local; i < size; i += THREADS) { waiting[i] = vec2u(); }
  workgroupBarrier();
  for (var block = 2u; block <= size; block *= 2) {
    for (var reach = block / 2; reach > 0; reach /= 2) {
      for (var pair = local; pair < size / 2; pair += THREADS) {
        let i = 2 * pair - pair % reach;
        let a = waiting[i];
        let b = waiting[i + reach];
        let swap = better(b, a) == ((i & block) == 0);
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
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let n = group_index(group);
  if (n >= params.N) { return; }
  let begin = n * params.k;
  let room = clamp(params.k, MIN_ROOM, MAX_ROOM); // a short list fills soon: its threshold is there sooner
  var held = min(params.k, params.first);
  var i = local; // the next Vec
  var at = 0u; // and the next float of it
  loop {
    var worst = vec2u();
    if (held == params.k) { worst = stored(begin + held - 1); }
    while (i < params.width) {
      let keys = keys_of(vec_bits(tile[n * params.width + i]));
      if (any(keys >= vec4u(worst.x))) {
        for (; at < VEC; at++) {
          let entry = vec2u(keys[at], ~(params.first + i * VEC + at));
          if (!better(entry, worst)) { continue; }
          let slot = atomicAdd(&asked, 1);
          if (slot >= room) { break; }
          waiting[slot] = entry;
        }
        if (at < VEC) { break; } // again after the merge
      }
      at = 0;
      i += THREADS;
    }
    workgroupBarrier();
    if (local == 0) {
      all_asked = atomicLoad(&asked);
      atomicStore(&asked, 0);
    }
    let wanted = workgroupUniformLoad(&all_asked);
    if (wanted == 0) { break; }
    let count = min(wanted, room);
    merge(local, count, begin, held);
    if (wanted <= room) { break; }
    held = min(params.k, held + count);
    workgroupBarrier();
  }
}
