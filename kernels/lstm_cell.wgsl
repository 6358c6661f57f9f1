// What the LSTM kernels share: sizes, and the cell's arithmetic forward and backward for one unit.
//
// This file is a library that lstm.wgsl and lstm_broadcast.wgsl are prefixed with; no entry point.
// Gate order i, f, g, o (PyTorch's).
// Shapes: gates [T, B, 4H], hidden and cells [T + 1, B, H] (index 0 is the initial state),
//         output and doutput [T, B, H], dcell [B, H].
// Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000 (forget gate).

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

/// Where gate 0 of unit j of row b stands at time t; the other gates follow at distance H.
fn gate_index(t: u32, b: u32, j: u32) -> u32 {
  return (t * params.batch + b) * 4u * params.size + j;
}

/// Where unit j of row b stands in a [*, B, H] tensor at index t.
fn unit_index(t: u32, b: u32, j: u32) -> u32 {
  return (t * params.batch + b) * params.size + j;
}

struct Cell {
  gates: vec4<f32>, // i, f, g, o, activated
  cell: f32,
  hidden: f32,
}

/// c = f c' + i g; h = o tanh(c), from the gates before activation and c'.
fn cell_forward(raw: vec4<f32>, previous: f32) -> Cell {
  let gates = vec4<f32>(sigmoid(raw.x), sigmoid(raw.y), tanh_of(raw.z), sigmoid(raw.w));
  let cell = gates.y * previous + gates.x * gates.z;
  return Cell(gates, cell, gates.w * tanh_of(cell));
}

struct CellGradient {
  gates: vec4<f32>, // with respect to the gates before activation
  previous: f32, // with respect to c'
}

fn cell_backward(gates: vec4<f32>, cell: f32, previous: f32, dhidden: f32, dcell_in: f32)
    -> CellGradient {
  let squashed = tanh_of(cell);
  let dcell = dcell_in + dhidden * gates.w * (1.0 - squashed * squashed);
  return CellGradient(vec4<f32>(
    dcell * gates.z * gates.x * (1.0 - gates.x),
    dcell * previous * gates.y * (1.0 - gates.y),
    dcell * gates.x * (1.0 - gates.z * gates.z),
    dhidden * squashed * gates.w * (1.0 - gates.w),
  ), dcell * gates.y);
}
