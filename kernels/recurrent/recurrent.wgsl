// What the recurrent layers' kernels share: sizes, places, resets, activations; and two small kernels.
//
// A layer's kernels are this file, _lstm.wgsl or _gru.wgsl (what becomes of a unit's sums), and
// recurrent_fused.wgsl or recurrent_split.wgsl (the sums; the entry points `forward` and `backward`).
// first_state: the state before the first step, first = state, or 0 for rows that begin anew there.
// transpose_weight: turned[k, m] = weight[m, k].
// Sizes are counted in Vecs (vec.ts); transpose_weight and recurrent_fused.wgsl want Vecs of one float.
// Shapes: resets [T, B]; state, first [B, H]; weight [G H, H], turned [H, G H], G the number of gates.
// Dispatch: first_state, 1-D over B * H Vecs; transpose_weight, over G H * H; a thread each, folded.
// Determinism: copies only.

override GATES: u32 = 4u; // G; 4: LSTM, 3: GRU

struct Params {
  batch: u32, // B
  size: u32, // H
  step: u32, // t
  last: u32, // whether t = T - 1
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(1) var<storage, read> resets: array<u32>;

/// Whether row b begins anew after this step.
fn begins_anew(b: u32) -> bool {
  if (params.last == 1u) { return false; }
  return resets[(params.step + 1u) * params.batch + b] != 0u;
}

/// Whether nothing flows back from the next step into this one.
fn ends(b: u32) -> bool { return params.last == 1u || begins_anew(b); }

/// Where unit j of row b stands in a [*, B, H] tensor at index t.
fn unit_index(t: u32, b: u32, j: u32) -> u32 { return (t * params.batch + b) * params.size + j; }

/// Where gate 0 of unit j of row b stands at time t; the other gates follow at distance H.
fn gate_index(t: u32, b: u32, j: u32) -> u32 {
  return (t * params.batch + b) * GATES * params.size + j;
}

fn sigmoid(x: Vec) -> Vec { return 1.0 / (1.0 + exp(-x)); }

// The built-in may be off by 2^-11.
fn tanh_of(x: Vec) -> Vec {
  let e = exp(-2.0 * abs(x));
  return sign(x) * (1.0 - e) / (1.0 + e);
}

@group(0) @binding(0) var<storage, read> state: array<Vec>;
@group(0) @binding(2) var<storage, read_write> first: array<Vec>;

@compute @workgroup_size(64)
fn first_state(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
               @builtin(local_invocation_index) local: u32) {
  let i = (id.x + id.y * groups.x) * 64u + local;
  let b = i / params.size;
  if (b < params.batch) { first[i] = select(state[i], Vec(), resets[b] != 0u); }
}

@group(0) @binding(0) var<storage, read> rows: array<Vec>;
@group(0) @binding(1) var<storage, read_write> turned: array<Vec>;

@compute @workgroup_size(64)
fn transpose_weight(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                    @builtin(local_invocation_index) local: u32) {
  let i = (id.x + id.y * groups.x) * 64u + local;
  let count = GATES * params.size;
  let k = i / count;
  if (k < params.size) { turned[i] = rows[(i % count) * params.size + k]; }
}
