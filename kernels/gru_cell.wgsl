// What the GRU layer's kernels share: sizes, and the cell's arithmetic forward and backward for one unit.
//
// This file is a library that gru.wgsl and gru_broadcast.wgsl are prefixed with; no entry point.
// Gate order r, z, n (PyTorch's).
// Shapes: gates [T, B, 3H] (input part, then activated, then gradient of the input part),
//         inner [T, B, H] (the state's part in n), hidden [T + 1, B, H] (index 0 is the initial state),
//         output and doutput [T, B, H], dstate [T, B, 3H] (gradient of the state's part), carry [B, H].
// Source: Cho et al. 2014, in the form of PyTorch's `nn.GRU`.

struct Params {
  batch: u32, // B
  size: u32, // H
  step: u32, // t
  last: u32, // whether t = T - 1
}
@group(1) @binding(0) var<uniform> params: Params;

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }

// The built-in may be off by 2^-11.
fn tanh_of(x: f32) -> f32 {
  let e = exp(-2.0 * abs(x));
  return sign(x) * (1.0 - e) / (1.0 + e);
}

/// Where unit j of row b stands in a [*, B, H] tensor at index t.
fn unit_index(t: u32, b: u32, j: u32) -> u32 {
  return (t * params.batch + b) * params.size + j;
}

/// Where gate 0 of unit j of row b stands at time t; the other gates follow at distance H.
fn gate_index(t: u32, b: u32, j: u32) -> u32 {
  return (t * params.batch + b) * 3u * params.size + j;
}

/// The activated gates r, z, n, and the new state.
fn cell_forward(input: vec3<f32>, state: vec3<f32>, h: f32) -> vec4<f32> {
  let r = sigmoid(input.x + state.x);
  let z = sigmoid(input.y + state.y);
  let n = tanh_of(input.z + r * state.z);
  return vec4<f32>(r, z, n, n + z * (h - n));
}

/// Gradients of the gates' input part, and of the state's part in n.
fn cell_backward(gates: vec3<f32>, inner: f32, h: f32, dhidden: f32) -> vec4<f32> {
  let n = gates.z;
  let dn = dhidden * (1.0 - gates.y) * (1.0 - n * n);
  let dz = dhidden * (h - n) * gates.y * (1.0 - gates.y);
  let dr = dn * inner * gates.x * (1.0 - gates.x);
  return vec4<f32>(dr, dz, dn, dn * gates.x);
}
