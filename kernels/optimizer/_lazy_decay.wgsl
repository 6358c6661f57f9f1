// A row's value after n steps of SGD without momentum:  p' = P_n p - lr * g.
//
// A library, see lazy_rows.wgsl: no moment is kept, and of P_n only the element d counts.

#each PART
fn advance_PART(at: u32, n: u32, g: Vec, number: u32) {
  let p = loaded(table_PART[at]);
  table_PART[at] = stored(p + (products[n].w * p - params.lr * g), number);
}
#end
