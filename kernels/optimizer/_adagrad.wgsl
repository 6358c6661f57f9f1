// Adagrad (Duchi, Hazan and Singer 2011), as in PyTorch:
//   d = g + weight_decay * p;  s = s + d^2;  p = p - lr * d / (sqrt(s) + epsilon).
//
// A library, see update.wgsl.

@group(0) @binding(FIRST + PARTS + PART) var<storage, read_write> squares_PART: array<Vec>;

#each PART
fn updated_PART(at: u32, value: Vec, gradient: Vec) -> Vec {
  let d = gradient + params.weight_decay * value;
  let s = squares_PART[at] + d * d;
  squares_PART[at] = s;
  return value - params.lr * d / (sqrt(s) + params.epsilon);
}
#end
