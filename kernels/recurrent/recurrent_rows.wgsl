// All time steps of a recurrent layer in one launch, a workgroup for each row of the batch: the rows do
// not depend on each other. For GPUs and layers whose units all fit one workgroup.
//
// forward:  from the first t on, the sums hidden[t] W^T, to finish_forward.
// backward: from the last t back, the sums dstate[t + 1] W, to finish_backward.
// Shapes: see _recurrent.wgsl and pack_weight.wgsl.
// Dispatch: (B, 1, 1) workgroups of UNITS * SLICES threads, UNITS >= H. A thread sums one slice of the
// inner dimension for one unit, four terms at a time; the first slice's threads own the units.
// Determinism: sums in rising order of fours within a slice, then slice by slice; backward, gate by gate.
//
// In each step a workgroup reads the weight, more than a core's cache holds: nearly all of the time. A thread
// keeps the weights of its slice's first four terms in registers.

override FORWARD: bool = false;
override UNITS: u32 = 64;
override SLICES: u32 = 4; // at most the fours of the inner dimension
override THREADS: u32 = UNITS * SLICES;

// What the product reads of this row: hidden[t] (in x) or the gates of dstate[t + 1].
var<workgroup> row_state: array<vec4f, UNITS>;
var<workgroup> partial: array<vec4f, THREADS>;

fn keep(b: u32, gate: u32, j: u32, value: Vec) { row_state[j][gate] = value; }

// The first four of a slice.
fn first_of(slice: u32) -> u32 { return slice * ((params.H + 3) / 4) / SLICES; }

// The weights of four states for unit j: loads that are under way at the same time.
fn four_weights(four: u32, j: u32) -> mat4x4f {
  let k = 4 * four;
  return mat4x4f(weights_of(k, j), weights_of(k + 1, j), weights_of(k + 2, j), weights_of(k + 3, j));
}

// What four states add to the sums of the unit whose weights these are.
fn four_terms(four: u32, w: mat4x4f) -> vec4f {
  let k = 4 * four;
  let a = row_state[k];
  let b = row_state[k + 1];
  let c = row_state[k + 2];
  let d = row_state[k + 3];
  if (FORWARD) { return w * vec4f(a.x, b.x, c.x, d.x); }
  return a * w[0] + b * w[1] + c * w[2] + d * w[3];
}

// The sums of unit j, for the first slice's threads; `zero`: the row's state is zero.
fn sums_of(thread: u32, j: u32, kept: mat4x4f, zero: bool) -> vec4f {
  let slice = thread / UNITS;
  var sum = vec4f();
  if (!zero) {
    let begin = first_of(slice);
    let end = first_of(slice + 1);
    sum = four_terms(begin, kept);
    for (var four = begin + 1; four < end; four++) { sum += four_terms(four, four_weights(four, j)); }
  }
  partial[thread] = sum;
  workgroupBarrier();
  if (thread < UNITS) {
    for (var s = 1u; s < SLICES; s++) { sum += partial[s * UNITS + thread]; }
  }
  return sum;
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let b = id.x;
  let j = min(thread % UNITS, params.H - 1);
  let kept = four_weights(first_of(thread / UNITS), j);
  if (thread < params.H && !from_zero(0)) { row_state[j].x = hidden[unit_index(0, b, j)]; }
  for (var t = 0u; t < params.T; t++) {
    workgroupBarrier();
    var inputs: ForwardInputs;
    if (thread < params.H) { inputs = forward_inputs(t, b, j); }
    let sum = sums_of(thread, j, kept, from_zero(t));
    if (thread < params.H) {
      finish_forward(inputs, array<Vec, 4>(sum.x, sum.y, sum.z, sum.w), t, b, j);
    }
  }
}

@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let b = id.x;
  let j = min(thread % UNITS, params.H - 1);
  let kept = four_weights(first_of(thread / UNITS), j);
  for (var left = params.T; left > 0; left--) {
    workgroupBarrier();
    let t = left - 1;
    var inputs: BackwardInputs;
    if (thread < params.H) { inputs = backward_inputs(t, b, j); }
    let sum = dot(sums_of(thread, j, kept, left == params.T), vec4f(1.0));
    if (thread < params.H) { finish_backward(inputs, sum, t, b, j); }
  }
}
