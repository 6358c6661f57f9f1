// What becomes of a unit's recurrent sums in an LSTM layer: a library, see _recurrent.wgsl.
//
// forward:  s = gates[t] + (bias_ih + bias_hh) + sum; i, f, o = sigmoid(s), g = tanh(s); c = f c' + i g;
//           h = o tanh(c). gates[t] holds i, f, g, o afterwards; output[t] = h; hidden[t + 1] = h and
//           cells[t + 1] = c, or 0 where the row begins anew.
// backward: dh = doutput[t] + sum; dstate[t], which held i, f, g, o, becomes the gradient of the gates
//           before activation, dcell that of c'.
// Shapes: gates, dstate [T, B, 4H] (the order i, f, g, o is PyTorch's), bias_ih, bias_hh [4H], hidden,
//         cells [T + 1, B, H] (later_index), output, doutput [T, B, H], dcell [B, H].
// Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000 (forget gate).

@group(0) @binding(2) var<storage, read> bias_ih: array<Vec>;
@group(0) @binding(3) var<storage, read> bias_hh: array<Vec>;
@group(0) @binding(4) var<storage, read_write> hidden: array<Vec>;
@group(0) @binding(5) var<storage, read_write> gates: array<Vec>;
@group(0) @binding(6) var<storage, read_write> cells: array<Vec>;
@group(0) @binding(7) var<storage, read_write> output: array<Vec>;

// What gate i gets from the input: its product at `at`, and both biases.
fn from_input(at: u32, i: u32) -> Vec { return gates[at] + (bias_ih[i] + bias_hh[i]); }

struct ForwardInputs {
  gates: array<Vec, 4>, // what they get from the input
  cell: Vec, // before this step
  anew: bool,
}

fn forward_inputs(t: u32, b: u32, j: u32) -> ForwardInputs {
  let H = params.H;
  let at = gate_index(t, b, j);
  let parts = array<Vec, 4>(from_input(at, j), from_input(at + H, j + H),
                            from_input(at + 2 * H, j + 2 * H), from_input(at + 3 * H, j + 3 * H));
  let cell = select(cells[unit_index(t, b, j)], Vec(0), from_zero(t));
  return ForwardInputs(parts, cell, begins_anew(t, b));
}

fn finish_forward(inputs: ForwardInputs, sum: array<Vec, 4>, t: u32, b: u32, j: u32) {
  let H = params.H;
  let at = gate_index(t, b, j);
  let now = unit_index(t, b, j);
  let later = later_index(t, b, j);
  if (from_zero(t)) {
    hidden[now] = Vec(0);
    cells[now] = Vec(0);
  }
  let i = sigmoid(inputs.gates[0] + sum[0]);
  let f = sigmoid(inputs.gates[1] + sum[1]);
  let g = tanh_of(inputs.gates[2] + sum[2]);
  let o = sigmoid(inputs.gates[3] + sum[3]);
  let c = f * inputs.cell + i * g;
  let h = o * tanh_of(c);
  gates[at] = i;
  gates[at + H] = f;
  gates[at + 2 * H] = g;
  gates[at + 3 * H] = o;
  output[now] = h;
  let next = select(h, Vec(0), inputs.anew);
  cells[later] = select(c, Vec(0), inputs.anew);
  hidden[later] = next;
  keep(b, 0, j, next);
}

@group(0) @binding(2) var<storage, read> before: array<Vec>; // cells
@group(0) @binding(3) var<storage, read> doutput: array<Vec>;
@group(0) @binding(4) var<storage, read_write> dstate: array<Vec>;
@group(0) @binding(5) var<storage, read_write> dcell: array<Vec>;

struct BackwardInputs {
  gates: array<Vec, 4>, // i, f, g, o
  cell: Vec, // before this step
  doutput: Vec,
  dcell: Vec,
  ends: bool,
}

fn backward_inputs(t: u32, b: u32, j: u32) -> BackwardInputs {
  let H = params.H;
  let at = gate_index(t, b, j);
  let now = unit_index(t, b, j);
  let gates = array<Vec, 4>(dstate[at], dstate[at + H], dstate[at + 2 * H], dstate[at + 3 * H]);
  let u = unit_index(0, b, j);
  return BackwardInputs(gates, before[now], doutput[now], dcell[u], ends(t, b));
}

fn finish_backward(inputs: BackwardInputs, sum: Vec, t: u32, b: u32, j: u32) {
  let i = inputs.gates[0];
  let f = inputs.gates[1];
  let g = inputs.gates[2];
  let o = inputs.gates[3];
  let squashed = tanh_of(f * inputs.cell + i * g);
  let dh = inputs.doutput + select(sum, Vec(0), inputs.ends);
  let dc = select(inputs.dcell, Vec(0), inputs.ends) + dh * o * (1.0 - squashed * squashed);
  set_dstate(t, b, 0, j, dc * g * i * (1.0 - i));
  set_dstate(t, b, 1, j, dc * inputs.cell * f * (1.0 - f));
  set_dstate(t, b, 2, j, dc * i * (1.0 - g * g));
  set_dstate(t, b, 3, j, dh * squashed * o * (1.0 - o));
  dcell[unit_index(0, b, j)] = dc * f;
}
