// How products store rows of C that are whole vectors: a library that _operands.wgsl is prefixed with, or else
// with _store_scalars.wgsl, which has the same functions.

alias Stored = vec4f; // what is stored at a time
const STORED = 4u; // floats

@group(0) @binding(5) var<storage, read_write> c: array<vec4f>;

fn store_row(start: u32, row: u32, column: u32, values: vec4f) {
  if (row < params.m && column < params.n) {
    let at = (start + row * params.n + column) / 4;
    var v = values;
    if (ACCUMULATE) { v += c[at]; }
    c[at] = v;
  }
}

// Four rows of what C holds.
fn stored(row: u32, column: u32) -> mat4x4f {
  let at = (row * params.n + column) / 4;
  let width = params.n / 4;
  return mat4x4f(c[at], c[at + width], c[at + 2 * width], c[at + 3 * width]);
}
