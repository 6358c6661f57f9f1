// One time step of a recurrent layer, the product fused with the cell: for GPUs, batches of many rows
// and layers of any H.
//
// forward:  the sums hidden[t] W^T, to finish_forward. backward: dstate[t + 1] W, to finish_backward.
// Shapes: see _recurrent.wgsl and _packed_weight.wgsl.
// Dispatch: (ceil(H / UNITS), ceil(B / ROWS), 1) workgroups of THREADS threads. A thread sums a slice of the
// inner dimension for ROWS rows, so that a weight is loaded once for all of them: forward for the gates of one
// unit; backward for four units, LANES apart, so that the gates of ROWS rows are loaded once for all four. In the
// end it owns a row of one unit.
// Determinism: sums in rising order within a slice; then slice by slice, in fours; backward, gate by gate within
// a term, and every fourth slice first.

const UNITS = 16;
const ROWS = 16;
const SLICES = 16; // forward, as many as ROWS
const THREADS = UNITS * SLICES;
const TERMS = 4 * SLICES; // units whose states are in workgroup memory at a time; backward, a slice each
const LANES = THREADS / TERMS; // backward, threads of a slice, with four units each

// First numbers of ROWS rows, four in each vec4: [gate, quad of rows, TERMS] (forward: one state, no gates); then
// sums [quad of rows, THREADS]; backward, at last, sums of a row of four units, [THREADS].
var<workgroup> quads: array<vec4f, 4 * THREADS>;

// The next step's product reads the states from their buffer.
fn keep(b: u32, gate: u32, j: u32, value: Vec) {}

// Where ROWS rows of element i of a gate's stand, quad by quad.
fn rows_of(gate: u32, i: u32) -> mat4x4f {
  let at = gate * THREADS + i;
  return mat4x4f(quads[at], quads[at + TERMS], quads[at + 2 * TERMS], quads[at + 3 * TERMS]);
}

// The weights of a thread's next terms for unit j, from k on: loads that are under way at the same time.
// Those of row H, which are zero, stand for all that lie past the last unit.
fn weights_from(k: u32, j: u32) -> mat4x4f {
  let H = params.H;
  return mat4x4f(weights_of(min(k, H), j), weights_of(min(k + SLICES, H), j),
    weights_of(min(k + 2 * SLICES, H), j), weights_of(min(k + 3 * SLICES, H), j));
}

// The rows at time t of the quad that a thread fetches; those past the end repeat the last one.
fn fetched_rows(t: u32, id: vec3u, thread: u32) -> vec4u {
  let first = id.y * ROWS + thread / TERMS * 4;
  return t * params.B + min(first + vec4u(0, 1, 2, 3), vec4u(params.B - 1));
}

// The sum of one row, the thread's own, over the threads with the same number modulo UNITS: they have forward all
// slices, backward every fourth. `rows`: the thread's sums of all ROWS rows.
fn sum_of_slices(rows: mat4x4f, thread: u32) -> f32 {
  workgroupBarrier();
  quads[thread] = rows[0];
  quads[THREADS + thread] = rows[1];
  quads[2 * THREADS + thread] = rows[2];
  quads[3 * THREADS + thread] = rows[3];
  workgroupBarrier();
  let row = thread / UNITS;
  let place = row % 4;
  var sum = 0.0;
  for (var s = 0u; s < SLICES; s += 4) {
    let at = row / 4 * THREADS + s * UNITS + thread % UNITS;
    sum += quads[at][place] + quads[at + UNITS][place] + quads[at + 2 * UNITS][place]
      + quads[at + 3 * UNITS][place];
  }
  return sum;
}

// Unit k's state in four rows.
fn states_at(row: vec4u, k: u32) -> vec4f {
  if (k >= params.H) { return vec4f(); }
  let at = row * params.H + k;
  return vec4f(hidden[at.x], hidden[at.y], hidden[at.z], hidden[at.w]);
}

// Adds what element i of the states adds to a unit's gates.
fn add_term(gates: ptr<function, array<mat4x4f, 4>>, w: vec4f, i: u32) {
  let states = rows_of(0, i);
  (*gates)[0] += w.x * states;
  (*gates)[1] += w.y * states;
  (*gates)[2] += w.z * states;
  if (GATES == 4) { (*gates)[3] += w.w * states; }
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let H = params.H;
  let unit = id.x * UNITS + thread % UNITS;
  let slice = thread / UNITS;
  let j = min(unit, H - 1);
  let b = id.y * ROWS + slice;
  let owns = b < params.B && unit < H;
  var inputs: ForwardInputs;
  if (owns) { inputs = forward_inputs(params.t, b, j); }
  let row = fetched_rows(params.t, id, thread);
  let count = select(H, 0, from_zero(params.t));
  var sums: array<mat4x4f, 4>;
  var states: vec4f;
  var weights: mat4x4f;
  if (count > 0) {
    states = states_at(row, thread % TERMS);
    weights = weights_from(slice, j);
  }
  for (var k = 0u; k < count; k += TERMS) {
    workgroupBarrier();
    quads[thread] = states;
    workgroupBarrier();
    let w = weights;
    // The next terms travel from memory while these are summed.
    states = states_at(row, k + TERMS + thread % TERMS);
    weights = weights_from(k + TERMS + slice, j);
    add_term(&sums, w[0], slice);
    add_term(&sums, w[1], slice + SLICES);
    add_term(&sums, w[2], slice + 2 * SLICES);
    add_term(&sums, w[3], slice + 3 * SLICES);
  }
  let x = sum_of_slices(sums[0], thread);
  let y = sum_of_slices(sums[1], thread);
  let z = sum_of_slices(sums[2], thread);
  let w = sum_of_slices(sums[3], thread);
  if (owns) { finish_forward(inputs, array<Vec, 4>(x, y, z, w), params.t, b, j); }
}

// What dstate holds of unit k's gates in four rows, a column a gate.
fn gates_at(row: vec4u, k: u32) -> mat4x4f {
  let H = params.H;
  if (k >= H) { return mat4x4f(); }
  let at = row * GATES * H + k;
  var gates = mat4x4f(gate_at(at), gate_at(at + H), gate_at(at + 2 * H), vec4f());
  if (GATES == 4) { gates[3] = gate_at(at + 3 * H); }
  return gates;
}

fn gate_at(at: vec4u) -> vec4f {
  return vec4f(dstate[at.x], dstate[at.y], dstate[at.z], dstate[at.w]);
}

// The weights of unit k's gates for a lane's units, the first of them `unit`: a column a gate.
fn lane_weights(k: u32, unit: u32) -> mat4x4f {
  let row = min(k, params.H);
  let last = params.H - 1;
  return transpose(mat4x4f(weights_of(row, min(unit, last)), weights_of(row, min(unit + LANES, last)),
    weights_of(row, min(unit + 2 * LANES, last)), weights_of(row, min(unit + 3 * LANES, last))));
}

// Adds what a gate of ROWS rows adds to a lane's units.
fn add_gate(units: ptr<function, array<mat4x4f, 4>>, w: vec4f, rows: mat4x4f) {
  (*units)[0] += w.x * rows;
  (*units)[1] += w.y * rows;
  (*units)[2] += w.z * rows;
  (*units)[3] += w.w * rows;
}

// The sum of the thread's own unit over the four threads that share its row and its lane's `units`: each has
// every fourth slice.
fn sum_of_parts(units: vec4f, thread: u32) -> f32 {
  workgroupBarrier();
  quads[thread] = units;
  workgroupBarrier();
  let at = thread / UNITS * UNITS + thread % LANES;
  let unit = thread / LANES % 4;
  return quads[at][unit] + quads[at + LANES][unit] + quads[at + 2 * LANES][unit] + quads[at + 3 * LANES][unit];
}

@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let H = params.H;
  let unit = id.x * UNITS + thread % UNITS;
  let j = min(unit, H - 1);
  let b = id.y * ROWS + thread / UNITS;
  let owns = b < params.B && unit < H;
  var inputs: BackwardInputs;
  if (owns) { inputs = backward_inputs(params.t, b, j); }
  let slice = thread / LANES;
  let first = id.x * UNITS + thread % LANES;
  let count = select(H, 0, params.t + 1 == params.T);
  let row = fetched_rows(params.t + 1, id, thread);
  var sums: array<mat4x4f, 4>;
  var gates: mat4x4f;
  var weights: mat4x4f;
  if (count > 0) {
    gates = gates_at(row, thread % TERMS);
    weights = lane_weights(slice, first);
  }
  for (var k = 0u; k < count; k += TERMS) {
    workgroupBarrier();
    quads[thread] = gates[0];
    quads[THREADS + thread] = gates[1];
    quads[2 * THREADS + thread] = gates[2];
    quads[3 * THREADS + thread] = gates[3];
    workgroupBarrier();
    let w = weights;
    gates = gates_at(row, k + TERMS + thread % TERMS);
    weights = lane_weights(k + TERMS + slice, first);
    add_gate(&sums, w[0], rows_of(0, slice));
    add_gate(&sums, w[1], rows_of(1, slice));
    add_gate(&sums, w[2], rows_of(2, slice));
    if (GATES == 4) { add_gate(&sums, w[3], rows_of(3, slice)); }
  }
  let x = sum_of_slices(sums[0], thread);
  let y = sum_of_slices(sums[1], thread);
  let z = sum_of_slices(sums[2], thread);
  let w = sum_of_slices(sums[3], thread);
  let sum = sum_of_parts(vec4f(x, y, z, w), thread);
  if (owns) { finish_backward(inputs, sum, params.t, b, j); }
}
