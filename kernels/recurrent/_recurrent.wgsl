// What the recurrent layers' kernels share: sizes, places, resets, activations. A library.
//
// A layer's kernels are this file, _lstm.wgsl or _gru.wgsl (what becomes of a unit's sums), and
// one of recurrent_{rows,step,split,texels_forward,texels_backward}.wgsl (the sums; entry points `forward`
// and `backward`). These load forward_inputs or backward_inputs and call finish_forward or finish_backward,
// which hand what the next step's product reads to `keep`. Kernels for GPUs load them before the product:
// they travel while it sums, and no compiler moves a load over a barrier.
// Sizes are counted in Vecs (vec.ts); the kernels for GPUs want Vecs of one float.
// Shapes: resets [T, B]; state [B, H]; weight [G H, H], G the number of gates.

override GATES: u32 = 4; // G; 4: LSTM, 3: GRU

struct Params {
  B: u32,
  H: u32,
  T: u32,
  t: u32,
  last: u32, // where the state after the last step begins
  from_zero: u32, // 1: the state before the first step is zero, which has yet to be stored
  with_resets: u32, // 0: no row begins anew, and `resets` are not read
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(1) var<storage, read> resets: array<u32>;

// Whether row b begins anew at time t.
fn is_reset(t: u32, b: u32) -> bool {
  return params.with_resets == 1 && resets[t * params.B + b] != 0;
}

// Whether row b begins anew after time t.
fn begins_anew(t: u32, b: u32) -> bool { return t + 1 < params.T && is_reset(t + 1, b); }

// Whether nothing flows back from time t + 1 to t: the product's sums do not count then.
fn ends(t: u32, b: u32) -> bool { return t + 1 == params.T || begins_anew(t, b); }

// Whether the state before time t is zero, whatever the buffer holds.
fn from_zero(t: u32) -> bool { return t == 0 && params.from_zero == 1; }

// Where unit j of row b stands in a [*, B, H] tensor at index t.
fn unit_index(t: u32, b: u32, j: u32) -> u32 { return (t * params.B + b) * params.H + j; }

// Where its state after time t stands.
fn later_index(t: u32, b: u32, j: u32) -> u32 {
  return select(unit_index(t + 1, b, j), params.last + unit_index(0, b, j), t + 1 == params.T);
}

// Where element i of row b of a [T, B, G H] tensor stands at time t; unit j's gates are at j, j + H, ...
fn gate_index(t: u32, b: u32, i: u32) -> u32 {
  return (t * params.B + b) * GATES * params.H + i;
}

// Stores what dstate (declared with the cell) holds of a unit's gate, for the next step's product as well.
fn set_dstate(t: u32, b: u32, gate: u32, j: u32, value: Vec) {
  dstate[gate_index(t, b, gate * params.H + j)] = value;
  keep(b, gate, j, value);
}

fn sigmoid(x: Vec) -> Vec { return 1.0 / (1.0 + exp(-x)); }

// The built-in may be off by 2^-11.
fn tanh_of(x: Vec) -> Vec {
  let e = exp(-2.0 * abs(x));
  return sign(x) * (1.0 - e) / (1.0 + e);
}
