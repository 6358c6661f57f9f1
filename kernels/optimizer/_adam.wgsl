// Adam (Kingma and Ba 2015), as in PyTorch:
//   d = g + weight_decay * p;  m = m + rate1 (d - m);  s = s + rate2 (d^2 - s);
//   p = p - step_size * m / (sqrt(s) + epsilon).
//
// rate1 is 1 - beta1, rate2 1 - beta2; the corrections of the bias towards 0 are in step_size and epsilon.
// A library, see update.wgsl.

@group(0) @binding(FIRST + PARTS + PART) var<storage, read_write> moment_PART: array<Vec>;
@group(0) @binding(FIRST + 2 * PARTS + PART) var<storage, read_write> squares_PART: array<Vec>;

#each PART
fn updated_PART(at: u32, value: Vec, gradient: Vec) -> Vec {
  let d = gradient + params.weight_decay * value;
  let m = moment_PART[at] + params.rate1 * (d - moment_PART[at]);
  let s = squares_PART[at] + params.rate2 * (d * d - squares_PART[at]);
  moment_PART[at] = m;
  squares_PART[at] = s;
  return value - params.step_size * m / (sqrt(s) + params.epsilon);
}
#end
