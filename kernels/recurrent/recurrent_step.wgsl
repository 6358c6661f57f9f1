// One time step of a recurrent layer, the product fused with the cell: for GPUs, batches of many rows
// and layers of any H.
//
// forward:  the sums hidden[t] W^T, to finish_forward. backward: dstate[t + 1] W, to finish_backward.
// Shapes: see _recurrent.wgsl and _packed_weight.wgsl.
// Dispatch: (ceil(H / UNITS), ceil(B / ROWS), 1) workgroups of THREADS threads, GROUPS groups of a team of 16 for
// each share of the rows. A thread sums a slice of the inner dimension for its share, four numbers of each row:
// forward the gates of one unit; backward four units, LANES apart, so that what it loads serves all four. In the
// end the first OWNERS threads own a row of one unit each.
// Determinism: sums in rising order within a slice, backward gate by gate within a term; then slice by slice, in
// eights.

override SHARES: u32 = 2; // of the rows: 2, or 1 where a workgroup may not have so many threads

const UNITS = 16;
const ROWS = 16;
const OWNERS = ROWS * UNITS;
const TEAM = 16; // threads with the same rows and, forward, terms
const GROUPS = 16;
const TERMS = 64; // units whose states are in workgroup memory at a time; backward, a slice each
const LANES = 4; // backward, threads of a team with the same terms, with four units each
override THREADS: u32 = GROUPS * SHARES * TEAM;

// First numbers of ROWS rows, four in each vec4: [gate, quad of rows, TERMS] (forward: one state, no gates); then
// sums [quad of a share, THREADS]; at last a thread's four sums of a row, [THREADS].
var<workgroup> quads: array<vec4f, 1024>;

// The next step's product reads the states from their buffer.
fn keep(b: u32, gate: u32, j: u32, value: Vec) {}

// A thread's sums of its rows, a column for each of its four numbers: [quad]. With two shares there are two quads.
alias Sums = array<mat4x4f, 4>;

fn add_quad(sum: mat4x4f, w: vec4f, quad: vec4f) -> mat4x4f {
  return sum + mat4x4f(w.x * quad, w.y * quad, w.z * quad, w.w * quad);
}

// Adds what element i of a gate's adds to a thread's sums; `share` is its share of the rows.
fn add_term(sums: ptr<function, Sums>, w: vec4f, gate: u32, share: u32, i: u32) {
  let at = (gate * 4 + share * 2) * TERMS + i;
  (*sums)[0] = add_quad((*sums)[0], w, quads[at]);
  (*sums)[1] = add_quad((*sums)[1], w, quads[at + TERMS]);
  if (SHARES == 2) { return; }
  (*sums)[2] = add_quad((*sums)[2], w, quads[at + 2 * TERMS]);
  (*sums)[3] = add_quad((*sums)[3], w, quads[at + 3 * TERMS]);
}

// The rows at time t of the quad that a thread fetches; those past the end repeat the last one.
fn fetched_rows(t: u32, id: vec3u, thread: u32) -> vec4u {
  let first = id.y * ROWS + thread / TERMS % 4 * 4;
  return t * params.B + min(first + vec4u(0, 1, 2, 3), vec4u(params.B - 1));
}

// Element `row` of the sums that the thread `place` of a team stored, over eight groups from `group` on.
fn eight_groups(group: u32, row: u32, place: u32) -> f32 {
  let own = row / 4 % (4 / SHARES) * THREADS + row / (ROWS / SHARES) * TEAM + place;
  let step = SHARES * TEAM;
  let at = own + group * step;
  let i = row % 4;
  return ((quads[at][i] + quads[at + step][i]) + (quads[at + 2 * step][i] + quads[at + 3 * step][i])) +
    ((quads[at + 4 * step][i] + quads[at + 5 * step][i]) + (quads[at + 6 * step][i] + quads[at + 7 * step][i]));
}

// One of the four numbers, for row thread / TEAM % ROWS and the team's thread % TEAM, summed over the groups: over
// all of them, or with two shares over half of them.
fn sum_of_groups(sums: array<vec4f, 4>, thread: u32) -> f32 {
  workgroupBarrier();
  quads[thread] = sums[0];
  quads[THREADS + thread] = sums[1];
  if (SHARES == 1) {
    quads[2 * THREADS + thread] = sums[2];
    quads[3 * THREADS + thread] = sums[3];
  }
  workgroupBarrier();
  let row = thread / TEAM % ROWS;
  let first = thread / OWNERS * 8;
  var sum = eight_groups(first, row, thread % TEAM);
  if (SHARES == 1) { sum += eight_groups(8, row, thread % TEAM); }
  return sum;
}

// A thread's four numbers, summed over the groups as above, for all to read.
fn share_sums(sums: Sums, thread: u32) {
  let x = sum_of_groups(array<vec4f, 4>(sums[0][0], sums[1][0], sums[2][0], sums[3][0]), thread);
  let y = sum_of_groups(array<vec4f, 4>(sums[0][1], sums[1][1], sums[2][1], sums[3][1]), thread);
  let z = sum_of_groups(array<vec4f, 4>(sums[0][2], sums[1][2], sums[2][2], sums[3][2]), thread);
  let w = sum_of_groups(array<vec4f, 4>(sums[0][3], sums[1][3], sums[2][3], sums[3][3]), thread);
  workgroupBarrier();
  quads[thread] = vec4f(x, y, z, w);
  workgroupBarrier();
}

// What share_sums left at `at`.
fn shared_sum(at: u32) -> vec4f {
  if (SHARES == 1) { return quads[at]; }
  return quads[at] + quads[at + OWNERS];
}

// Unit k's state in four rows.
fn states_at(row: vec4u, k: u32) -> vec4f {
  if (k >= params.H) { return vec4f(); }
  let at = row * params.H + k;
  return vec4f(hidden[at.x], hidden[at.y], hidden[at.z], hidden[at.w]);
}

// The weights of a thread's next terms for unit j, from k on: loads that are under way at the same time.
// Those of row H, which are zero, stand for all that lie past the last unit.
fn weights_from(k: u32, j: u32) -> mat4x4f {
  let H = params.H;
  return mat4x4f(weights_of(min(k, H), j), weights_of(min(k + GROUPS, H), j),
    weights_of(min(k + 2 * GROUPS, H), j), weights_of(min(k + 3 * GROUPS, H), j));
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let H = params.H;
  let unit = id.x * UNITS + thread % TEAM;
  let share = thread / TEAM % SHARES;
  let slice = thread / (SHARES * TEAM);
  let j = min(unit, H - 1);
  let b = id.y * ROWS + thread / TEAM;
  let owns = thread < OWNERS && b < params.B && unit < H;
  var inputs: ForwardInputs;
  if (owns) { inputs = forward_inputs(params.t, b, j); }
  let row = fetched_rows(params.t, id, thread);
  let count = select(H, 0, from_zero(params.t));
  let fetches = thread < 4 * TERMS;
  var sums: Sums;
  var states: vec4f;
  var weights: mat4x4f;
  if (count > 0) {
    if (fetches) { states = states_at(row, thread % TERMS); }
    weights = weights_from(slice, j);
  }
  for (var k = 0u; k < count; k += TERMS) {
    workgroupBarrier();
    if (fetches) { quads[thread] = states; }
    workgroupBarrier();
    let w = weights;
    // The next terms travel from memory while these are summed.
    if (fetches) { states = states_at(row, k + TERMS + thread % TERMS); }
    weights = weights_from(k + TERMS + slice, j);
    add_term(&sums, w[0], 0, share, slice);
    add_term(&sums, w[1], 0, share, slice + GROUPS);
    add_term(&sums, w[2], 0, share, slice + 2 * GROUPS);
    add_term(&sums, w[3], 0, share, slice + 3 * GROUPS);
  }
  share_sums(sums, thread);
  if (owns) {
    let sum = shared_sum(thread);
    finish_forward(inputs, array<Vec, 4>(sum.x, sum.y, sum.z, sum.w), params.t, b, j);
  }
}

// What dstate holds of unit k's gates in four rows, a column a gate: two of them, from `gate` on, or with one
// share all.
fn gates_at(row: vec4u, k: u32, gate: u32) -> mat4x4f {
  let H = params.H;
  if (k >= H) { return mat4x4f(); }
  let at = row * GATES * H + gate * H + k;
  var gates = mat4x4f();
  gates[0] = gate_at(at);
  if (gate + 1 < GATES) { gates[1] = gate_at(at + H); }
  if (SHARES == 1) {
    gates[2] = gate_at(at + 2 * H);
    if (GATES == 4) { gates[3] = gate_at(at + 3 * H); }
  }
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

@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let H = params.H;
  let unit = id.x * UNITS + thread % UNITS;
  let j = min(unit, H - 1);
  let b = id.y * ROWS + thread / UNITS;
  let owns = thread < OWNERS && b < params.B && unit < H;
  var inputs: BackwardInputs;
  if (owns) { inputs = backward_inputs(params.t, b, j); }
  let share = thread / TEAM % SHARES;
  let slice = thread / (SHARES * TEAM) * 4 + thread / LANES % 4;
  let first = id.x * UNITS + thread % LANES;
  let gate = thread / (4 * TERMS) * 2; // the first that it fetches
  let count = select(H, 0, params.t + 1 == params.T);
  let row = fetched_rows(params.t + 1, id, thread);
  var sums: Sums;
  var gates: mat4x4f;
  var weights: mat4x4f;
  if (count > 0) {
    gates = gates_at(row, thread % TERMS, gate);
    weights = lane_weights(slice, first);
  }
  let to = thread % (4 * TERMS) + gate * 4 * TERMS;
  for (var k = 0u; k < count; k += TERMS) {
    workgroupBarrier();
    quads[to] = gates[0];
    quads[to + 4 * TERMS] = gates[1];
    if (SHARES == 1) {
      quads[to + 8 * TERMS] = gates[2];
      quads[to + 12 * TERMS] = gates[3];
    }
    workgroupBarrier();
    let w = weights;
    gates = gates_at(row, k + TERMS + thread % TERMS, gate);
    weights = lane_weights(k + TERMS + slice, first);
    add_term(&sums, w[0], 0, share, slice);
    add_term(&sums, w[1], 1, share, slice);
    add_term(&sums, w[2], 2, share, slice);
    if (GATES == 4) { add_term(&sums, w[3], 3, share, slice); }
  }
  share_sums(sums, thread);
  if (owns) {
    let at = thread / TEAM * TEAM + thread % LANES;
    let units = (shared_sum(at) + shared_sum(at + LANES)) + (shared_sum(at + 2 * LANES) + shared_sum(at + 3 * LANES));
    finish_backward(inputs, units[thread / LANES % 4], params.t, b, j);
  }
}
