// A recurrent weight for GPUs, the gates beside each other: four Weights, zero for a gate that is not there.
//
// forward[k, j]:  what leads from unit k's state to the gates of unit j.
// backward[k, j]: what leads from the gates of unit k to unit j's state.
// So neighbouring threads, which own neighbouring units j, read what lies side by side.
// pack_forward writes the first of them, pack_both both.
// Shapes: weight [G H, H], G the number of gates; forward, backward [K, H]: rows from H on, of which there is at
// least one, are zero, so that sums may take more terms.
// Prefixed with _weight_f32.wgsl or _weight_f16.wgsl. Dispatch: 1-D over K * H, a thread each, folded.
// Determinism: copies only.

struct Params {
  H: u32,
  gates: u32, // G
  K: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> forward: array<Weights>;
@group(0) @binding(2) var<storage, read_write> backward: array<Weights>;

// What leads from unit `state` to the gates of `unit`.
fn weights_of(unit: u32, state: u32) -> Weights {
  let H = params.H;
  if (max(unit, state) >= H) { return Weights(0); }
  let at = unit * H + state;
  let gate = H * H;
  var w = vec4f(weight[at], weight[at + gate], weight[at + 2 * gate], 0.0);
  if (params.gates == 4) { w.w = weight[at + 3 * gate]; }
  return Weights(w);
}

@compute @workgroup_size(64)
fn pack_forward(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i < params.K * params.H) { forward[i] = weights_of(i % params.H, i / params.H); }
}

@compute @workgroup_size(64)
fn pack_both(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.K * params.H) { return; }
  forward[i] = weights_of(i % params.H, i / params.H);
  backward[i] = weights_of(i / params.H, i % params.H);
}
