// How products store rows of C of any width, number by number: a library that _operands.wgsl is prefixed with
// where n is no multiple of 4; _store_vectors.wgsl has the same functions for the others.

alias Stored = f32; // what is stored at a time
const STORED = 1u; // floats

@group(0) @binding(5) var<storage, read_write> c: array<f32>;

fn store_scalar(at: u32, wanted: bool, value: f32) {
  if (wanted) {
    var v = value;
    if (ACCUMULATE) { v += c[at]; }
    c[at] = v;
  }
}

fn store_row(start: u32, row: u32, column: u32, values: vec4f) {
  if (row < params.m) {
    let at = start + row * params.n + column;
    store_scalar(at, column < params.n, values.x);
    store_scalar(at + 1, column + 1 < params.n, values.y);
    store_scalar(at + 2, column + 2 < params.n, values.z);
    store_scalar(at + 3, column + 3 < params.n, values.w);
  }
}

// No launch goes on with what such a C holds.
fn stored(row: u32, column: u32) -> mat4x4f { return mat4x4f(); }
