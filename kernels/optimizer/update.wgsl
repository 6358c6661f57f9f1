// An optimizer's update of some rows of a parameter.
//
// Formula: p[at] = updated(at, p[at], norm[1] * g), as it is stored (tables.ts, rounding.ts), where `updated` is
//          the optimizer's: see _sgd.wgsl, _momentum.wgsl, _adagrad.wgsl and _adam.wgsl, one of which follows.
//          Its coefficients are added to Params. norm[1] clips the gradient.
// Shapes: p and what the optimizer keeps [V, W]; g [n, W], the rows ids [n], each at most once; 0xffffffff stands
//         for none. W counted in Vecs (vec.ts). Of p and what is kept, the parts of `rows` rows from row `first`
//         on are bound; rows of other parts are left as they are.
// Dispatch: 1-D over n * lanes threads, folded.
// Determinism: every Vec is updated by one thread.

const FIRST = 3; // binding of the first output

struct Params {
  n: u32,
  W: u32,
  lanes: u32, // threads for a row
  first: u32,
  rows: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> g: array<Vec>;
@group(0) @binding(FIRST + PART) var<storage, read_write> p_PART: array<Stored>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let slot = i / params.lanes;
  if (slot >= params.n) { return; }
  let row = ids[slot] - params.first; // wraps, and is too large, for earlier rows
  #each PART
  if (row - PART * params.rows < params.rows) {
    let begin = (row - PART * params.rows) * params.W;
    for (var e = i % params.lanes; e < params.W; e += params.lanes) {
      let at = begin + e;
      let value = updated_PART(at, loaded(p_PART[at]), norm[1] * g[slot * params.W + e]);
      p_PART[at] = stored(value, ids[slot] * params.W + e);
    }
  }
  #end
}
