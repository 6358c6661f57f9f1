// All time steps of a recurrent layer in one launch, a workgroup for each row of the batch: the rows do
// not depend on each other. For GPUs and layers whose units all fit one workgroup.
//
// forward:  from the first t on, the sums hidden[t] W^T, to finish_forward.
// backward: from the last t back, the sums dstate[t + 1] W, to finish_backward.
// Shapes: see _recurrent.wgsl and pack_weight.wgsl.
// Dispatch: 1-D, one workgroup of LANES * SLICES threads a row, folded. A thread sums one slice of the inner dimension:
// forward for one unit, four states a term; backward for four units, the gates of one unit a term. So it
// loads few states for its four vec4fs of weights. Thread i owns unit i.
// Determinism: sums in rising order of terms within a slice, then slice by slice; backward, every fourth
// slice first.
//
// In each step a workgroup reads the weight, more than a core's cache holds: that takes nearly all of the time.
// So a thread keeps the weights of its slice's first term in registers.

override FORWARD: bool = false;
override UNITS: u32 = 64; // H rounded up to a multiple of four
override LANES: u32 = 64; // forward UNITS, backward UNITS / 4
override SLICES: u32 = 4; // at most the terms; backward a multiple of four
override THREADS: u32 = LANES * SLICES;
override SUMS: u32 = 4 * THREADS;
override FOURS: u32 = UNITS / 4;

// What the product reads of this row, by term: hidden[t] of four units, or a unit's gates of dstate[t + 1]; zero
// from H on. The four states of a term are written by four threads: a vec4f might be written as a whole.
var<workgroup> hidden_fours: array<array<f32, 4>, FOURS>;
var<workgroup> gates_of: array<vec4f, UNITS>;
// [4, SLICES, LANES]: of a lane's four gates or units.
var<workgroup> partial: array<f32, SUMS>;

fn keep(b: u32, gate: u32, j: u32, value: Vec) {
  if (FORWARD) { hidden_fours[j / 4][j % 4] = value; } else { gates_of[j][gate] = value; }
}

// The first term of a slice. Weights from H on are zero.
fn first_of(slice: u32) -> u32 { return slice * select(UNITS, FOURS, FORWARD) / SLICES; }

// The weight of unit k's state or gates for one of a lane's units.
fn weights_for(k: u32, unit: u32) -> vec4f { return weights_of(k, min(unit, params.H - 1)); }

// The weights of a term: loads that are under way at the same time, with those of the next term.
fn term_weights(term: u32, lane: u32) -> mat4x4f {
  if (FORWARD) {
    let k = 4 * term;
    return mat4x4f(weights_for(k, lane), weights_for(k + 1, lane), weights_for(k + 2, lane),
      weights_for(k + 3, lane));
  }
  return mat4x4f(weights_for(term, lane), weights_for(term, lane + LANES),
    weights_for(term, lane + 2 * LANES), weights_for(term, lane + 3 * LANES));
}

// What a term adds to the sums of a lane's gates or units.
fn term_of(term: u32, w: mat4x4f) -> vec4f {
  if (FORWARD) {
    return w * vec4f(hidden_fours[term][0], hidden_fours[term][1], hidden_fours[term][2],
      hidden_fours[term][3]);
  }
  return gates_of[term] * w;
}

// The sums over all slices for a thread's unit: forward of its gates; backward of every fourth slice.
fn sum_of_slices(thread: u32) -> vec4f {
  let next = select(LANES, THREADS, FORWARD);
  var sum = vec4f();
  for (var slice = 0u; slice < SLICES; slice += select(4u, 1u, FORWARD)) {
    let at = thread / LANES * THREADS + slice * LANES + thread % LANES;
    sum += vec4f(partial[at], partial[at + next], partial[at + 2 * next], partial[at + 3 * next]);
  }
  return sum;
}

// The same of this step's terms; `zero`: the row's state is zero.
fn sums_of(thread: u32, kept: mat4x4f, zero: bool) -> vec4f {
  let lane = thread % LANES;
  let slice = thread / LANES;
  var sum = vec4f();
  if (!zero) {
    let begin = first_of(slice);
    let end = first_of(slice + 1);
    sum = term_of(begin, kept);
    var term = begin + 1;
    for (; term + 1 < end; term += 2) {
      let first = term_weights(term, lane);
      let second = term_weights(term + 1, lane);
      sum += term_of(term, first);
      sum += term_of(term + 1, second);
    }
    if (term < end) { sum += term_of(term, term_weights(term, lane)); }
  }
  partial[thread] = sum.x;
  partial[THREADS + thread] = sum.y;
  partial[2 * THREADS + thread] = sum.z;
  partial[3 * THREADS + thread] = sum.w;
  workgroupBarrier();
  if (thread >= UNITS) { return vec4f(); }
  return sum_of_slices(thread);
}

@compute @workgroup_size(THREADS)
fn forward(group: Group, @builtin(local_invocation_index) thread: u32) {
  let b = group_index(group);
  if (b >= params.B) { return; }
  let owns = thread < params.H;
  let kept = term_weights(first_of(thread / LANES), thread % LANES);
  if (owns && !from_zero(0)) { keep(b, 0, thread, hidden[unit_index(0, b, thread)]); }
  for (var t = 0u; t < params.T; t++) {
    workgroupBarrier();
    var inputs: ForwardInputs;
    if (owns) { inputs = forward_inputs(t, b, thread); }
    let sum = sums_of(thread, kept, from_zero(t));
    if (owns) {
      finish_forward(inputs, array<Vec, 4>(sum.x, sum.y, sum.z, sum.w), t, b, thread);
    }
  }
}

@compute @workgroup_size(THREADS)
fn backward(group: Group, @builtin(local_invocation_index) thread: u32) {
  let b = group_index(group);
  if (b >= params.B) { return; }
  let owns = thread < params.H;
  let kept = term_weights(first_of(thread / LANES), thread % LANES);
  for (var left = params.T; left > 0; left--) {
    workgroupBarrier();
    let t = left - 1;
    var inputs: BackwardInputs;
    if (owns) { inputs = backward_inputs(t, b, thread); }
    let sum = dot(sums_of(thread, kept, left == params.T), vec4f(1.0));
    if (owns) { finish_backward(inputs, sum, t, b, thread); }
  }
}
