// What becomes of a unit's recurrent sums in a GRU layer: a library, see _recurrent.wgsl.
//
// forward:  s = sum + bias; r, z = sigmoid(gates[t] + s), n = tanh(gates[t] + r s);
//           h = n + z (h' - n). gates[t] holds r, z, n afterwards, inner[t] the s of n; output[t] = h;
//           hidden[t + 1] = h, or 0 where the row begins anew.
// backward: dh = doutput[t] + carry + sum; dgates[t], which held r, z, n, becomes the gradient of the
//           input's part of the gates before activation, dstate[t] that of s, carry the part of the
//           gradient of h' that does not pass through s.
// Shapes: gates, dgates, dstate [T, B, 3H] (the order r, z, n is PyTorch's), bias [3H],
//         hidden [T + 1, B, H] (later_index), inner, output, doutput [T, B, H], carry [B, H].
// Source: Cho et al. 2014, in the form of PyTorch's `nn.GRU`.

@group(0) @binding(2) var<storage, read> bias: array<Vec>;
@group(0) @binding(3) var<storage, read_write> hidden: array<Vec>;
@group(0) @binding(4) var<storage, read_write> gates: array<Vec>;
@group(0) @binding(5) var<storage, read_write> inner: array<Vec>;
@group(0) @binding(6) var<storage, read_write> output: array<Vec>;

struct ForwardInputs {
  gates: array<Vec, 3>, // what they get from the input
  bias: array<Vec, 3>,
  state: Vec, // before this step
  anew: bool,
}

fn forward_inputs(t: u32, b: u32, j: u32) -> ForwardInputs {
  let H = params.H;
  let at = gate_index(t, b, j);
  let parts = array<Vec, 3>(gates[at], gates[at + H], gates[at + 2 * H]);
  let biases = array<Vec, 3>(bias[j], bias[j + H], bias[j + 2 * H]);
  let state = select(hidden[unit_index(t, b, j)], Vec(0), from_zero(t));
  return ForwardInputs(parts, biases, state, begins_anew(t, b));
}

fn finish_forward(inputs: ForwardInputs, sum: array<Vec, 4>, t: u32, b: u32, j: u32) {
  let H = params.H;
  let at = gate_index(t, b, j);
  let now = unit_index(t, b, j);
  let later = later_index(t, b, j);
  if (from_zero(t)) { hidden[now] = Vec(0); }
  let s_n = sum[2] + inputs.bias[2];
  let r = sigmoid(inputs.gates[0] + sum[0] + inputs.bias[0]);
  let z = sigmoid(inputs.gates[1] + sum[1] + inputs.bias[1]);
  let n = tanh_of(inputs.gates[2] + r * s_n);
  let h = n + z * (inputs.state - n);
  gates[at] = r;
  gates[at + H] = z;
  gates[at + 2 * H] = n;
  inner[now] = s_n;
  output[now] = h;
  let next = select(h, Vec(0), inputs.anew);
  hidden[later] = next;
  keep(b, 0, j, next);
}

@group(0) @binding(2) var<storage, read> inner_of: array<Vec>;
@group(0) @binding(3) var<storage, read> before: array<Vec>; // hidden
@group(0) @binding(4) var<storage, read> doutput: array<Vec>;
@group(0) @binding(5) var<storage, read_write> dgates: array<Vec>;
@group(0) @binding(6) var<storage, read_write> dstate: array<Vec>;
@group(0) @binding(7) var<storage, read_write> carry: array<Vec>;

struct BackwardInputs {
  gates: array<Vec, 3>, // r, z, n
  inner: Vec,
  state: Vec, // before this step
  doutput: Vec,
  carry: Vec,
  ends: bool,
}

fn backward_inputs(t: u32, b: u32, j: u32) -> BackwardInputs {
  let H = params.H;
  let at = gate_index(t, b, j);
  let now = unit_index(t, b, j);
  let gates = array<Vec, 3>(dgates[at], dgates[at + H], dgates[at + 2 * H]);
  let u = unit_index(0, b, j);
  return BackwardInputs(gates, inner_of[now], before[now], doutput[now], carry[u], ends(t, b));
}

fn finish_backward(inputs: BackwardInputs, sum: Vec, t: u32, b: u32, j: u32) {
  let H = params.H;
  let at = gate_index(t, b, j);
  let r = inputs.gates[0];
  let z = inputs.gates[1];
  let n = inputs.gates[2];
  let flowing = select(sum, Vec(0), inputs.ends);
  let dh = inputs.doutput + flowing + select(inputs.carry, Vec(0), inputs.ends);
  let dn = dh * (1.0 - z) * (1.0 - n * n);
  let dz = dh * (inputs.state - n) * z * (1.0 - z);
  let dr = dn * inputs.inner * r * (1.0 - r);
  dgates[at] = dr;
  dgates[at + H] = dz;
  dgates[at + 2 * H] = dn;
  set_dstate(t, b, 0, j, dr);
  set_dstate(t, b, 1, j, dz);
  set_dstate(t, b, 2, j, dn * r);
  carry[unit_index(0, b, j)] = dh * z;
}
