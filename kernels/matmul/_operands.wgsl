// What the kernels of the matrix product share: a library that each of them is prefixed with.
//
// C = op(A) op(B) + bias, or C += ... (ACCUMULATE), with op(A) [m, k], op(B) [k, n]. A's first row is `row`.
// Bindings: a, a4: A as floats and as vec4 [m, k], or [k, m] if TRANSPOSE_A; b, b4: B likewise [k, n],
// or [n, k] if TRANSPOSE_B; bias [n] (read only if the uniform's bias is not 0); C [m, n].
// B's elements are Weights: a kernel that uses the library is prefixed with _weight_f32.wgsl or _weight_f16.wgsl.
// VECTOR_A, VECTOR_B: the stored row length is a multiple of 4, so that a4 or b4 may be used. SHIFTED: other
// rows are loaded as two vec4s, too, of which the four floats are taken.
// Prefixed with _shifted.wgsl, _tile_order.wgsl and _store_vectors.wgsl or, if n is no multiple of 4,
// _store_scalars.wgsl.

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override VECTOR_A: bool = false;
override VECTOR_B: bool = false;
override SHIFTED: bool = false;
override ACCUMULATE: bool = false;

struct Params {
  m: u32,
  n: u32,
  k: u32,
  begin: u32, // of the steps of k that a launch sums
  depth: u32, // steps of k that a workgroup sums
  bias: u32,
  row: u32,
  width_a: u32, // floats in a stored row of A
  width_b: u32, // floats in a stored row of B
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> a4: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<Weight>;
@group(0) @binding(3) var<storage, read> b4: array<Weights>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;

// Elements k to k + 3 of row `row + step` of A, or rows `row` to `row + 3` of its column k + step if
// TRANSPOSE_A; zero from `end` on. Past the last row they are some numbers that are not stored.
fn load_a(row: u32, k: u32, step: u32, end: u32) -> vec4f {
  let place = select(vec2u(params.row + row + step, k), vec2u(k + step, row), TRANSPOSE_A);
  let at = place.x * params.width_a + place.y;
  var v: vec4f;
  if (VECTOR_A) {
    v = a4[at / 4];
  } else if (SHIFTED) {
    v = shifted(a4[at / 4], a4[at / 4 + 1], at % 4);
  } else {
    v = vec4f(a[at], a[at + 1], a[at + 2], a[at + 3]);
  }
  if (TRANSPOSE_A) { return select(vec4f(), v, k + step < end); }
  return select(vec4f(), v, vec4u(k, k + 1, k + 2, k + 3) < vec4u(end));
}

// Columns `column` to `column + 3` of row k + step of B, or k to k + 3 of column `column + step` if
// TRANSPOSE_B; zero from `end` on.
fn load_b(column: u32, k: u32, step: u32, end: u32) -> vec4f {
  let place = select(vec2u(k + step, column), vec2u(column + step, k), TRANSPOSE_B);
  let at = place.x * params.width_b + place.y;
  var v: vec4f;
  if (VECTOR_B) {
    v = vec4f(b4[at / 4]);
  } else if (SHIFTED) {
    v = shifted(vec4f(b4[at / 4]), vec4f(b4[at / 4 + 1]), at % 4);
  } else {
    v = vec4f(Weights(b[at], b[at + 1], b[at + 2], b[at + 3]));
  }
  if (!TRANSPOSE_B) { return select(vec4f(), v, k + step < end); }
  return select(vec4f(), v, vec4u(k, k + 1, k + 2, k + 3) < vec4u(end));
}

fn bias_at(column: u32) -> vec4f {
  if (params.bias == 0) { return vec4f(); }
  return vec4f(bias[column], bias[column + 1], bias[column + 2], bias[column + 3]);
}

// `start`: where C begins.
fn store(start: u32, row: u32, column: u32, rows: mat4x4f) {
  let offset = bias_at(column);
  store_row(start, row, column, rows[0] + offset);
  store_row(start, row + 1, column, rows[1] + offset);
  store_row(start, row + 2, column, rows[2] + offset);
  store_row(start, row + 3, column, rows[3] + offset);
}
