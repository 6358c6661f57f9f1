// The recurrent weight as the kernels for GPUs read it, its gates beside each other: see recurrent.wgsl.
//
// pack_weight: packed, which is [H, H] of four Weights, one a gate, zero for a gate that is not there.
// forward:  weight[k, j] leads from unit k's state to the gates of unit j.
// backward: weight[k, j] leads from the gates of unit k to unit j's state.
// So neighbouring threads, which own neighbouring units j, read what lies side by side.
// Prefixed with _weight_f32.wgsl or _weight_f16.wgsl. Dispatch: over H * H, a thread each, folded.
// Determinism: copies only.

override FORWARD: bool = false; // also for recurrent_rows.wgsl

@group(0) @binding(0) var<storage, read> weight: array<Weights>;

@group(0) @binding(0) var<storage, read> gate_rows: array<f32>; // [G H, H]
@group(0) @binding(1) var<storage, read_write> packed: array<Weights>;

// What state or gate k adds to unit j.
fn weights_of(k: u32, j: u32) -> vec4f { return vec4f(weight[k * params.H + j]); }

@compute @workgroup_size(64)
fn pack_weight(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let gate = params.H * params.H;
  if (i >= gate) { return; }
  let k = i / params.H;
  let j = i % params.H;
  let at = select(k * params.H + j, j * params.H + k, FORWARD);
  var w = vec4f(gate_rows[at], gate_rows[at + gate], gate_rows[at + 2 * gate], 0.0);
  if (GATES == 4) { w.w = gate_rows[at + 3 * gate]; }
  packed[i] = Weights(w);
}
