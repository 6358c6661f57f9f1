// Lists of ids, one after another: out[start + i] is the i-th id of them all.
//
// Shapes: list [n] of each list, out [start + ids of all lists, or more].
// Dispatch: 1-D over the ids of all lists, folded. Determinism: copies only.

struct Params {
  start: u32,
  n_PART: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(PART) var<storage, read> list_PART: array<u32>;
@group(0) @binding(PARTS) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let to = params.start + thread_index(group, local);
  var i = thread_index(group, local);
  #each PART
  if (i < params.n_PART) {
    out[to] = list_PART[i];
    return;
  }
  i -= params.n_PART;
  #end
}
