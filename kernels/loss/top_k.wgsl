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
// Those that wait stand from 0 on; the row's best are brought here, from BEST on, to be merged with them.
var<workgroup> entries: array<vec2u, MAX_ROOM + MAX_K>;
const BEST = MAX_ROOM;
var<workgroup> asked: atomic<u32>; // how many entries wanted to wait
var<workgroup> all_asked: u32;

// Where a thread goes on in its share of the tile.
struct Place {
  i: u32, // the next Vec
  at: u32, // and the next float of it
}

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

// How many of `count` sorted entries from `first` on are better than `entry`.
fn rank(entry: vec2u, first: u32, count: u32) -> u32 {
  var low = first;
  var high = first + count;
  while (low < high) {
    let middle = (low + high) / 2;
    if (better(entries[middle], entry)) { low = middle + 1; } else { high = middle; }
  }
  return low - first;
}

// Sorts the `count` entries that wait, best first.
fn sort_waiting(local: u32, count: u32) {
  var size = 1u;
  while (size < count) { size *= 2; }
  for (var i = count + local; i < size; i += THREADS) { entries[i] = vec2u(); }
  workgroupBarrier();
  for (var block = 2u; block <= size; block *= 2) {
    for (var reach = block / 2; reach > 0; reach /= 2) {
      for (var pair = local; pair < size / 2; pair += THREADS) {
        let i = 2 * pair - pair % reach;
        let a = entries[i];
        let b = entries[i + reach];
        let swap = better(b, a) == ((i & block) == 0);
        entries[i] = select(a, b, swap); // always: a branch costs llvmpipe more than a store
        entries[i + reach] = select(b, a, swap);
      }
      workgroupBarrier();
    }
  }
}

// Merges the `count` entries that wait into the row's best, of which there are `held`, from `begin` on.
fn merge(local: u32, count: u32, begin: u32, held: u32) {
  for (var i = local; i < held; i += THREADS) { entries[BEST + i] = stored(begin + i); }
  sort_waiting(local, count); // with barriers
  for (var i = local; i < held; i += THREADS) {
    let place = i + rank(entries[BEST + i], 0, count);
    if (place < params.k) { store(begin + place, entries[BEST + i]); }
  }
  for (var i = local; i < count; i += THREADS) {
    let place = i + rank(entries[i], BEST, held);
    if (place < params.k) { store(begin + place, entries[i]); }
  }
  storageBarrier();
  workgroupBarrier(); // what waits may now be overwritten
}

// Goes on from `place` in row n of the tile: what is better than `worst` waits. Returns where there was no more
// room, at an entry that has to come again, or the end.
fn scan_until_full(n: u32, place: Place, worst: vec2u, room: u32) -> Place {
  var at = place.at;
  for (var i = place.i; i < params.width; i += THREADS) {
    let keys = keys_of(vec_bits(tile[n * params.width + i]));
    if (any(keys >= vec4u(worst.x))) {
      for (; at < VEC; at++) {
        let entry = vec2u(keys[at], ~(params.first + i * VEC + at));
        if (!better(entry, worst)) { continue; }
        let slot = atomicAdd(&asked, 1);
        if (slot >= room) { return Place(i, at); }
        entries[slot] = entry;
      }
    }
    at = 0;
  }
  return Place(params.width, 0);
}

// Merges what waits into the row's best; returns how many entries wanted to wait, also of those without room.
fn flush(local: u32, begin: u32, held: u32, room: u32) -> u32 {
  workgroupBarrier();
  if (local == 0) {
    all_asked = atomicLoad(&asked);
    atomicStore(&asked, 0);
  }
  let wanted = workgroupUniformLoad(&all_asked);
  if (wanted > 0) { merge(local, min(wanted, room), begin, held); }
  return wanted;
}

@compute @workgroup_size(THREADS)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let n = group_index(group);
  if (n >= params.N) { return; }
  let begin = n * params.k;
  let room = clamp(params.k, MIN_ROOM, MAX_ROOM); // a short list fills soon: its threshold is there sooner
  var held = min(params.k, params.first);
  var place = Place(local, 0);
  loop {
    var worst = vec2u();
    if (held == params.k) { worst = stored(begin + held - 1); }
    place = scan_until_full(n, place, worst, room);
    if (flush(local, begin, held, room) <= room) { break; }
    held = min(params.k, held + room);
  }
}
