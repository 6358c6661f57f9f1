// Stochastic gradient descent without momentum:  p = p - lr * (g + weight_decay * p).
//
// A library, see update.wgsl.

struct Params {
  n_PART: u32,
  W: u32,
  lanes: u32,
  first: u32,
  rows: u32,
  lr: f32,
  weight_decay: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

#each PART
fn updated_PART(at: u32, value: Vec, gradient: Vec) -> Vec {
  return value - params.lr * (gradient + params.weight_decay * value);
}
#end
