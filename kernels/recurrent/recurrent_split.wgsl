// What follows the product in a time step of a recurrent layer, where products have a kernel of their own.
//
// forward: finish_forward of sums = hidden[t] W^T. backward: finish_backward of sums = dstate[t + 1] W. Where
// these are zero, `sums` do not count.
// For software adapters without texels, and for sizes that texels do not fit: there launches are cheap.
// Shapes: see _recurrent.wgsl; sums [B, G H] for forward, [B, H] for backward.
// Dispatch: 1-D over B * H Vecs, a thread each, folded. Determinism: nothing is summed.

@group(0) @binding(0) var<storage, read> sums: array<Vec>;

// The next step's product reads the states from their buffer.
fn keep(b: u32, gate: u32, j: u32, value: Vec) {}

@compute @workgroup_size(64)
fn forward(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let H = params.H;
  let b = i / H;
  let j = i % H;
  if (b >= params.B) { return; }
  let at = b * GATES * H + j;
  var sum = array<Vec, 4>(sums[at], sums[at + H], sums[at + 2 * H], Vec(0));
  if (GATES == 4) { sum[3] = sums[at + 3 * H]; }
  if (from_zero(params.t)) { sum = array<Vec, 4>(); }
  finish_forward(forward_inputs(params.t, b, j), sum, params.t, b, j);
}

@compute @workgroup_size(64)
fn backward(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let b = i / params.H;
  let j = i % params.H;
  if (b < params.B) { finish_backward(backward_inputs(params.t, b, j), sums[i], params.t, b, j); }
}
