// One time step of a recurrent layer, the product fused with the cell: for GPUs, batches of many rows
// and layers of any H.
//
// forward:  the sums hidden[t] W^T, to finish_forward. backward: dstate[t + 1] W, to finish_backward.
// Shapes: see _recurrent.wgsl and _packed_weight.wgsl.
// Dispatch: (ceil(H / UNITS), ceil(B / ROWS), 1) workgroups of UNITS * SLICES threads. A thread sums one
// slice of the inner dimension for one unit of ROWS rows, so that many loads are under way at once.
// Determinism: sums in rising order within a slice, then slice by slice.

const UNITS = 32;
const ROWS = 4;
const SLICES = 8; // at least ROWS

// forward: [ROWS, SLICES, UNITS] of four gates; backward: [SLICES, UNITS] of four rows.
var<workgroup> partial: array<vec4f, ROWS * SLICES * UNITS>;

// The rows of a thread at time t; those past the end repeat the last one and are not stored.
fn rows_at(t: u32, first: u32) -> vec4u {
  return t * params.B + min(first + vec4u(0, 1, 2, 3), vec4u(params.B - 1));
}

// What state k of each row adds to the gates of unit j.
fn term_forward(k: u32, j: u32, row: vec4u) -> mat4x4f {
  let w = weights_of(k, j);
  return mat4x4f(hidden[row.x + k] * w, hidden[row.y + k] * w, hidden[row.z + k] * w,
                 hidden[row.w + k] * w);
}

@compute @workgroup_size(UNITS * SLICES)
fn forward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let H = params.H;
  let unit = thread % UNITS;
  let slice = thread / UNITS;
  let j = min(id.x * UNITS + unit, H - 1);
  let row = rows_at(params.t, id.y * ROWS) * H;
  let count = select(H, 0, from_zero(params.t));
  let depth = (count + SLICES - 1) / SLICES;
  let end = min((slice + 1) * depth, count);
  var sums = mat4x4f();
  var k = slice * depth;
  for (; k + 4 <= end; k += 4) { // loads of four at a time are under way
    sums += term_forward(k, j, row);
    sums += term_forward(k + 1, j, row);
    sums += term_forward(k + 2, j, row);
    sums += term_forward(k + 3, j, row);
  }
  for (; k < end; k++) { sums += term_forward(k, j, row); }
  partial[thread] = sums[0];
  partial[SLICES * UNITS + thread] = sums[1];
  partial[2 * SLICES * UNITS + thread] = sums[2];
  partial[3 * SLICES * UNITS + thread] = sums[3];
  workgroupBarrier();
  // From here on the first slices have a row each.
  let b = id.y * ROWS + slice;
  if (slice >= ROWS || b >= params.B || id.x * UNITS + unit >= H) { return; }
  var total = vec4f();
  for (var s = 0u; s < SLICES; s++) { total += partial[(slice * SLICES + s) * UNITS + unit]; }
  finish_forward(array<Vec, 4>(total.x, total.y, total.z, total.w), params.t, b, j);
}

// What the gates of unit k of each row add to unit j.
fn term_backward(k: u32, j: u32, row: vec4u) -> vec4f {
  let H = params.H;
  let w = weights_of(k, j);
  var sum = w.x * gate_of(row + k) + w.y * gate_of(row + k + H) + w.z * gate_of(row + k + 2 * H);
  if (GATES == 4) { sum += w.w * gate_of(row + k + 3 * H); }
  return sum;
}

// What dstate holds at a place of each row.
fn gate_of(at: vec4u) -> vec4f {
  return vec4f(dstate[at.x], dstate[at.y], dstate[at.z], dstate[at.w]);
}

@compute @workgroup_size(UNITS * SLICES)
fn backward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let H = params.H;
  let unit = thread % UNITS;
  let slice = thread / UNITS;
  let j = min(id.x * UNITS + unit, H - 1);
  let count = select(H, 0, params.t + 1 == params.T);
  let row = rows_at(params.t + 1, id.y * ROWS) * GATES * H;
  let depth = (count + SLICES - 1) / SLICES;
  let end = min((slice + 1) * depth, count);
  var sums = vec4f();
  var k = slice * depth;
  for (; k + 2 <= end; k += 2) {
    sums += term_backward(k, j, row);
    sums += term_backward(k + 1, j, row);
  }
  if (k < end) { sums += term_backward(k, j, row); }
  partial[thread] = sums;
  workgroupBarrier();
  let b = id.y * ROWS + slice;
  if (slice >= ROWS || b >= params.B || id.x * UNITS + unit >= H) { return; }
  var total = 0.0;
  for (var s = 0u; s < SLICES; s++) { total += partial[s * UNITS + unit][slice]; }
  finish_backward(select(total, 0.0, ends(params.t, b)), params.t, b, j);
}
