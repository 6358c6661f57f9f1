// Where ids stand in a list: out[i] = j with list[j] = ids[i], or m if there is none.
//
// Shapes: ids, out [n], list [m]: each id once, in the order of (id % ranks, id).
// Dispatch: 1-D over n threads, folded. Determinism: integers only.

struct Params {
  n: u32,
  m: u32,
  ranks: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> list: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

fn is_before(a: u32, b: u32) -> bool {
  let rank_a = a % params.ranks;
  let rank_b = b % params.ranks;
  return rank_a < rank_b || (rank_a == rank_b && a < b);
}

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n) { return; }
  let id = ids[i];
  var low = 0u;
  var high = params.m;
  while (low < high) {
    let middle = (low + high) / 2;
    if (is_before(list[middle], id)) { low = middle + 1; } else { high = middle; }
  }
  let found = low < params.m && list[min(low, params.m - 1)] == id;
  out[i] = select(params.m, low, found);
}
