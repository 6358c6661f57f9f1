// Momentum and weight decay of a table's rows, applied when a row is read or gets a gradient.
//
// A step of SGD without a gradient is linear in a row's moment m and value p:
//   (m, p) <- M (m, p),  M = (momentum, decay; -lr momentum, 1 - lr decay),
// so that the last n steps are P_n = M_now ... M_(now-n+1): each M has its own lr. A gradient g in the last
// step adds scale * g * (1, -lr).
// products[n] holds P_n as (a, b, c, d): m' = a m + b p, p' = p + c m + d p, so d is the element minus 1.
// `advance` applies it: that of _lazy_moment.wgsl, or without momentum, where no m is kept, of _lazy_decay.wgsl.
//
// A row moves by P_lag, lag = now - last[row], and last[row] becomes now: if ids have it again, the others find no
// lag and leave it alone. With HAS_GRADIENT its gradient is added. With ALL every row moves, and steps are counted
// anew: last[row] becomes 0.
// Shapes: ids [n], last [V], table and moment [V, W], products [most + 1], values [n, W]; norm [2],
//         whose second element is scale; W counted in Vecs (vec.ts). An id may occur several times, unless it has
//         a gradient; 0xffffffff stands for none. Of last, table and moment, the parts of `rows` rows from row
//         `first` on are bound; rows of other parts are left as they are. With ALL, n is the number of the rows
//         bound. The table is written as it is stored (tables.ts, rounding.ts).
// Dispatch: 1-D over n * lanes threads, folded; those of a row are in one workgroup.
// Determinism: for duplicate ids the result does not depend on which threads move the row.

override ALL: bool = false;
override HAS_GRADIENT: bool = false;

struct Params {
  n: u32,
  W: u32,
  now: u32,
  lanes: u32, // threads for a row, a power of two up to 32
  first: u32,
  rows: u32,
  lr: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> products: array<vec4f>;
@group(0) @binding(2) var<storage, read> norm: array<f32>;
@group(0) @binding(3) var<storage, read> values: array<Vec>;
@group(0) @binding(4 + PART) var<storage, read_write> last_PART: array<atomic<u32>>;
@group(0) @binding(4 + PARTS + PART) var<storage, read_write> table_PART: array<Stored>;

var<workgroup> lags: array<u32, 64>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let slot = thread_index(group, local) / params.lanes;
  let lane = local % params.lanes;
  let row = row_of(slot);
  let next = select(params.now, 0, ALL);
  #each PART
  if (lane == 0 && row - PART * params.rows < params.rows) {
    lags[local] = params.now - atomicExchange(&last_PART[row - PART * params.rows], next);
  }
  #end
  workgroupBarrier();
  let lag = lags[local - lane];
  if (lag == 0) { return; }
  #each PART
  if (row - PART * params.rows < params.rows) {
    let begin = (row - PART * params.rows) * params.W;
    for (var e = lane; e < params.W; e += params.lanes) {
      advance_PART(begin + e, lag, gradient(slot, e), (params.first + row) * params.W + e);
    }
  }
  #end
}

// The row's number from `first` on; too large, where there is none, for every part.
fn row_of(slot: u32) -> u32 {
  if (slot >= params.n) { return 0xffffffff; }
  if (ALL) { return slot; }
  return ids[slot] - params.first; // wraps, and is too large, for earlier rows
}

fn gradient(slot: u32, e: u32) -> Vec {
  if (HAS_GRADIENT) { return norm[1] * values[slot * params.W + e]; }
  return Vec(0);
}
