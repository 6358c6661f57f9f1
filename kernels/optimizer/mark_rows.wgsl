// Marks rows: marks[base + ids[i]] = 1.
//
// Shapes: ids [n]: an id may occur several times, 0xffffffff stands for none; marks [most], of which the parts of
//         `rows` elements from element `first` on are bound. Those of other parts are left as they are.
// Dispatch: 1-D over n threads, folded. Determinism: whoever writes an element, it is 1.

struct Params {
  n: u32,
  base: u32,
  first: u32,
  rows: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1 + PART) var<storage, read_write> marks_PART: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n || ids[i] == 0xffffffff) { return; }
  let row = params.base + ids[i] - params.first; // wraps, and is too large, for earlier rows
  #each PART
  if (row - PART * params.rows < params.rows) {
    atomicStore(&marks_PART[row - PART * params.rows], 1);
  }
  #end
}
