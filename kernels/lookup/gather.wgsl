// Rows of a table by id: out[i, e] = table[ids[i], e].
//
// Shapes: ids [n], table [V, W] (tables.ts) in parts of `rows` rows, of which those from row `first` on are bound,
//         out [n, W], W counted in Vecs (vec.ts). Rows of parts that are not bound are left as they are.
// Dispatch: 1-D over n * lanes threads, `lanes` for a row, folded. Determinism: copies only.

struct Params {
  n: u32, // ids
  W: u32,
  lanes: u32,
  first: u32,
  rows: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1 + PART) var<storage, read> table_PART: array<Stored>;
@group(0) @binding(1 + PARTS) var<storage, read_write> out: array<Vec>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let n = i / params.lanes;
  if (n >= params.n) { return; }
  let row = ids[n] - params.first; // wraps, and is too large, for earlier rows
  #each PART
  if (row - PART * params.rows < params.rows) {
    let begin = (row - PART * params.rows) * params.W;
    for (var e = i % params.lanes; e < params.W; e += params.lanes) {
      out[n * params.W + e] = loaded(table_PART[begin + e]);
    }
  }
  #end
}
