// Momentum and weight decay of a table's rows, applied when a row is read or gets a gradient.
//
// A step of SGD without a gradient is linear in a row's moment m and value p:
//   (m, p) <- M (m, p),  M = (momentum, decay; -lr momentum, 1 - lr decay),
// so that the last n steps are P_n = M_now ... M_(now-n+1): each M has its own lr. A gradient g in the last
// step adds scale * g * (1, -lr).
// products[n] holds P_n as (a, b, c, d): m' = a m + b p, p' = p + c m + d p, so d is the element minus 1.
// `advance` applies it: that of _lazy_moment.wgsl, or without momentum, where no m is kept, of _lazy_decay.wgsl.
//
// claim:  lag[i] = now - last[row] for the first thread with the row, 0 for the others; last[row] = now.
// update: (m, p) <- P_lag[i] (m, p), plus the gradient with HAS_GRADIENT; for each row that ids name.
// flush:  the same for all rows, whose lag is now - last[row].
// Shapes: ids, lag [n], last [V], table and moment [V, W], products [most + 1], values [n, W]; norm [2],
//         whose second element is scale; W counted in Vecs (vec.ts). An id may occur several times;
//         0xffffffff stands for none. Of last (claim), or table and moment (update), the parts of `rows` rows
//         from row `first` on are bound; rows of other parts are left as they are. flush takes n rows from
//         row `first` on. The table is written as it is stored (tables.ts, rounding.ts).
// Dispatch: 1-D over n (claim), n * lanes (update) or n * W (flush) threads, folded.
// Determinism: for duplicate ids the result does not depend on which thread wins.

override HAS_GRADIENT: bool = false;

struct Params {
  n: u32,
  W: u32,
  now: u32,
  lanes: u32, // threads for a row
  first: u32,
  rows: u32,
  lr: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read_write> lag_out: array<u32>;
@group(0) @binding(2 + PART) var<storage, read_write> last_PART: array<atomic<u32>>;

@compute @workgroup_size(64)
fn claim(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n) { return; }
  let row = ids[i] - params.first; // wraps, and is too large, for earlier rows
  if (params.first == 0) { lag_out[i] = 0; }
  if (row - PART * params.rows < params.rows) {
    lag_out[i] = params.now - atomicExchange(&last_PART[row - PART * params.rows], params.now);
  }
}

@group(0) @binding(1) var<storage, read> lag: array<u32>;
@group(0) @binding(2) var<storage, read> products: array<vec4f>;
@group(0) @binding(3) var<storage, read> norm: array<f32>;
@group(0) @binding(4) var<storage, read> values: array<Vec>;
@group(0) @binding(5 + PART) var<storage, read_write> table_PART: array<Stored>;

@compute @workgroup_size(64)
fn update(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let slot = i / params.lanes;
  if (slot >= params.n) { return; }
  let steps = lag[slot];
  if (steps == 0) { return; }
  let row = ids[slot] - params.first;
  if (row - PART * params.rows < params.rows) {
    let begin = (row - PART * params.rows) * params.W;
    for (var e = i % params.lanes; e < params.W; e += params.lanes) {
      advance_PART(begin + e, steps, gradient(slot, e), ids[slot] * params.W + e);
    }
  }
}

fn gradient(slot: u32, e: u32) -> Vec {
  if (HAS_GRADIENT) { return norm[1] * values[slot * params.W + e]; }
  return Vec();
}

@group(0) @binding(0) var<storage, read> last_of: array<u32>;

@compute @workgroup_size(64)
fn flush(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let row = i / params.W;
  if (row >= params.n) { return; }
  let steps = params.now - last_of[row];
  if (steps > 0) { advance_0(i, steps, Vec(), params.first * params.W + i); }
}
