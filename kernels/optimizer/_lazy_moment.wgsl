// A row's moment and value after n steps of SGD with momentum:  (m', p') = M^n (m, p) + (g, -lr * g).
//
// A library, see lazy_rows.wgsl.

@group(0) @binding(6) var<storage, read_write> moment: array<Vec>;

fn advance(at: u32, n: u32, g: Vec) {
  let m = moment[at];
  let p = table[at];
  let power = powers[n];
  moment[at] = power.x * m + power.y * p + g;
  table[at] = p + (power.z * m + power.w * p - params.lr * g);
}
