// Rows of any width as vec4s: a library for kernels that bind a matrix as vec4s, though its rows need not
// begin with one.

// Four floats from `shift` on of two vec4s that follow each other.
fn shifted(low: vec4f, high: vec4f, shift: u32) -> vec4f {
  let odd = (shift & 1) != 0;
  let v = select(low, vec4f(low.yzw, high.x), odd);
  let next = select(high.xy, high.yz, odd);
  return select(v, vec4f(v.zw, next), (shift & 2) != 0);
}
