// A row's moment and value after n steps of SGD with momentum:  (m', p') = P_n (m, p) + (g, -lr * g).
//
// A library, see lazy_rows.wgsl.

@group(0) @binding(4 + 2 * PARTS + PART) var<storage, read_write> moment_PART: array<Vec>;

#each PART
fn advance_PART(at: u32, n: u32, g: Vec, number: u32) {
  let m = moment_PART[at];
  let p = loaded(table_PART[at]);
  let product = products[n];
  moment_PART[at] = product.x * m + product.y * p + g;
  table_PART[at] = stored(p + (product.z * m + product.w * p - params.lr * g), number);
}
#end
