// Stochastic gradient descent with momentum, as in PyTorch:
//   m = momentum * m + g + weight_decay * p;  p = p - lr * m.
//
// A library, see update.wgsl. Rows of a table: lazy_rows.wgsl.

struct Params {
  n: u32,
  W: u32,
  lr: f32,
  momentum: f32,
  weight_decay: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(4) var<storage, read_write> moment: array<Vec>;

fn updated(at: u32, value: Vec, gradient: Vec) -> Vec {
  let m = params.momentum * moment[at] + gradient + params.weight_decay * value;
  moment[at] = m;
  return value - params.lr * m;
}
