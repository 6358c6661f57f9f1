// All time steps of a recurrent layer in one launch, a workgroup for each row of the batch: the rows do
// not depend on each other. For GPUs and layers whose units all fit one workgroup.
//
// forward:  from the first t on, the sums hidden[t] W^T, to finish_forward.
// backward: from the last t back, the sums dstate[t + 1] W, to finish_backward.
// Shapes: see recurrent.wgsl and recurrent_packed.wgsl.
// Dispatch: (B, 1, 1) workgroups of UNITS * SLICES threads, UNITS >= H. A thread sums one slice of the
// inner dimension for one unit; the first slice's threads own the units.
// Determinism: sums in rising order within a slice, then slice by slice; backward, gate by gate.

override UNITS: u32 = 64;
override SLICES: u32 = 4;
override THREADS: u32 = UNITS * SLICES;

// What the product reads of this row: hidden[t] (in x) or the gates of dstate[t + 1].
var<workgroup> row_state: array<vec4f, UNITS>;
var<workgroup> partial: array<vec4f, THREADS>;

fn keep(b: u32, i: u32, value: Vec) {
  if (FORWARD) { row_state[i].x = value; } else { row_state[i % params.H][i / params.H] = value; }
}

// What a thread's slice adds for state k to the sums of unit j.
fn term(k: u32, j: u32) -> vec4f {
  let w = weights_of(k, j);
  if (FORWARD) { return row_state[k].x * w; }
  return row_state[k] * w;
}

// The sums of unit j, for the first slice's threads.
fn sums_of(thread: u32, j: u32) -> vec4f {
  let H = params.H;
  let depth = (H + SLICES - 1) / SLICES;
  var k = min(thread / UNITS * depth, H);
  let end = min(k + depth, H);
  var sum = vec4f();
  for (; k + 4 <= end; k += 4) { // four loads at a time are under way
    let first = term(k, j);
    let second = term(k + 1, j);
    let third = term(k + 2, j);
    let fourth = term(k + 3, j);
    sum += first;
    sum += second;
    sum += third;
    sum += fourth;
  }
  for (; k < end; k++) { sum += term(k, j); }
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
  if (thread < params.H) { row_state[j].x = hidden[unit_index(0, b, j)]; }
  for (var t = 0u; t < params.T; t++) {
    workgroupBarrier();
    let sum = sums_of(thread, j);
    if (thread < params.H) {
      finish_forward(array<Vec, 4>(sum.x, sum.y, sum.z, sum.w), t, b, j);
    }
  }
}

@compute @workgroup_size(THREADS)
fn backward(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let b = id.x;
  let j = min(thread % UNITS, params.H - 1);
  for (var left = params.T; left > 0; left--) {
    workgroupBarrier(); // the first time, the state is still zero
    let t = left - 1;
    let sum = dot(sums_of(thread, j), vec4f(1.0));
    if (thread < params.H) { finish_backward(select(sum, 0.0, ends(t, b)), t, b, j); }
  }
}
