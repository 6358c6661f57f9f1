// Stochastic gradient descent with momentum, as in PyTorch:
//   m = momentum * m + g + weight_decay * p;  p = p - lr * m.
//
// A library, see update.wgsl. Rows of a table: lazy_rows.wgsl.

@group(0) @binding(FIRST + PARTS + PART) var<storage, read_write> moment_PART: array<Vec>;

#each PART
fn updated_PART(at: u32, value: Vec, gradient: Vec) -> Vec {
  let m = params.momentum * moment_PART[at] + gradient + params.weight_decay * value;
  moment_PART[at] = m;
  return value - params.lr * m;
}
#end
