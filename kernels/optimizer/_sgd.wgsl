// Stochastic gradient descent without momentum:  p = p - lr * (g + weight_decay * p).
//
// A library, see update.wgsl.

#each PART
fn updated_PART(at: u32, value: Vec, gradient: Vec) -> Vec {
  return value - params.lr * (gradient + params.weight_decay * value);
}
#end
