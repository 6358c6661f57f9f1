// All time steps of a recurrent layer in one launch, a workgroup for each row of the batch: the rows do
// not depend on each other. For GPUs and batches of few rows, where a launch a time step would be slow.
//
// forward:  from the first t on, the sums hidden[t] W^T, to finish_forward.
// backward: from the last t back, the sums dstate[t + 1] W, to finish_backward.
// Shapes: see recurrent.wgsl; weight is turned, [H, G H], for forward, and [G H, H] for backward.
// Dispatch: (B, 1, 1) workgroups of UNITS * SLICES threads, UNITS >= H. A thread sums one slice of the
// inner dimension for one unit; the first slice's threads own the units.
// Determinism: sums in rising order within a slice (backward, four apart), then slice by slice.

override UNITS: u32 = 64u;
override SLICES: u32 = 4u;
override THREADS: u32 = UNITS * SLICES;
override FLOATS: u32 = GATES * UNITS;

/// What the product reads of this row: hidden[t] [H] or dstate[t + 1] [G H].
var<workgroup> row_state: array<f32, FLOATS>;
var<workgroup> partial: array<vec4f, THREADS>;

fn keep(b: u32, i: u32, value: Vec) { row_state[i] = value; }

/// The total over the slices, for the first slice's threads.
fn over_slices(sum: vec4f, thread: u32) -> vec4f {
  partial[thread] = sum;
  workgroupBarrier();
  var total = sum;
  if (thread < UNITS) {
    for (var s = 1u; s < SLICES; s++) { total += partial[s * UNITS + thread]; }
  }
  return total;
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let size = params.size;
  let b = id.x;
  let j = min(thread % UNITS, size - 1u);
  let depth = (size + SLICES - 1u) / SLICES;
  let begin = min(thread / UNITS * depth, size);
  let end = min(begin + depth, size);
  if (thread < size) { row_state[thread] = hidden[unit_index(0u, b, thread)]; }
  for (var t = 0u; t < params.steps; t++) {
    workgroupBarrier();
    var sum = vec4f();
    var k = begin;
    for (; k + 4u <= end; k += 4u) {
      let first = gates_at(k, j);
      let second = gates_at(k + 1u, j);
      let third = gates_at(k + 2u, j);
      let fourth = gates_at(k + 3u, j);
      sum += row_state[k] * first;
      sum += row_state[k + 1u] * second;
      sum += row_state[k + 2u] * third;
      sum += row_state[k + 3u] * fourth;
    }
    for (; k < end; k++) { sum += row_state[k] * gates_at(k, j); }
    let total = over_slices(sum, thread);
    if (thread < size) {
      finish_forward(array<Vec, 4>(total.x, total.y, total.z, total.w), t, b, j);
    }
  }
}

@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let size = params.size;
  let b = id.x;
  let j = min(thread % UNITS, size - 1u);
  let count = GATES * size;
  let depth = (count + 4u * SLICES - 1u) / (4u * SLICES) * 4u;
  let begin = min(thread / UNITS * depth, count);
  let end = min(begin + depth, count);
  for (var after = params.steps; after > 0u; after--) {
    workgroupBarrier(); // after the last step the state is still zero
    let t = after - 1u;
    var sum = vec4f();
    var m = begin;
    for (; m + 4u <= end; m += 4u) {
      let at = m * size + j;
      let w = vec4f(weight[at], weight[at + size], weight[at + 2u * size], weight[at + 3u * size]);
      sum += vec4f(row_state[m], row_state[m + 1u], row_state[m + 2u], row_state[m + 3u]) * w;
    }
    for (; m < end; m++) { sum.x += row_state[m] * weight[m * size + j]; }
    let total = dot(over_slices(sum, thread), vec4f(1.0));
    if (thread < size) { finish_backward(select(total, 0.0, ends(t, b)), t, b, j); }
  }
}
