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

fn finish_forward(sum: array<Vec, 4>, t: u32, b: u32, j: u32) {
  let H = params.H;
  let at = gate_index(t, b, j);
  let now = unit_index(t, b, j);
  let later = later_index(t, b, j);
  if (from_zero(t)) {
    hidden[now] = Vec();
    cells[now] = Vec();
  }
  let i = sigmoid(from_input(at, j) + sum[0]);
  let f = sigmoid(from_input(at + H, j + H) + sum[1]);
  let g = tanh_of(from_input(at + 2 * H, j + 2 * H) + sum[2]);
  let o = sigmoid(from_input(at + 3 * H, j + 3 * H) + sum[3]);
  let c = f * cells[now] + i * g;
  let h = o * tanh_of(c);
  gates[at] = i;
  gates[at + H] = f;
  gates[at + 2 * H] = g;
  gates[at + 3 * H] = o;
  output[now] = h;
  let anew = begins_anew(t, b);
  let next = select(h, Vec(), anew);
  cells[later] = select(c, Vec(), anew);
  hidden[later] = next;
  keep(b, j, next);
}

@group(0) @binding(2) var<storage, read> before: array<Vec>; // cells
@group(0) @binding(3) var<storage, read> doutput: array<Vec>;
@group(0) @binding(4) var<storage, read_write> dstate: array<Vec>;
@group(0) @binding(5) var<storage, read_write> dcell: array<Vec>;

fn finish_backward(sum: Vec, t: u32, b: u32, j: u32) {
  let H = params.H;
  let at = gate_index(t, b, j);
  let now = unit_index(t, b, j);
  let u = unit_index(0, b, j);
  let i = dstate[at];
  let f = dstate[at + H];
  let g = dstate[at + 2 * H];
  let o = dstate[at + 3 * H];
  let c_before = before[now];
  let squashed = tanh_of(f * c_before + i * g);
  let dh = doutput[now] + sum;
  let dc = select(dcell[u], Vec(), ends(t, b)) + dh * o * (1.0 - squashed * squashed);
  set_dstate(t, b, j, dc * g * i * (1.0 - i));
  set_dstate(t, b, j + H, dc * c_before * f * (1.0 - f));
  set_dstate(t, b, j + 2 * H, dc * i * (1.0 - g * g));
  set_dstate(t, b, j + 3 * H, dh * squashed * o * (1.0 - o));
  dcell[u] = dc * f;
}
