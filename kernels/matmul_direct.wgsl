// Matrix product for software adapters without usable subgroups.
//
// C = op(A) op(B) + bias, or C += ... (ACCUMULATE), with op(A) [m, k], op(B) [k, n]; of the inner
// dimension, only `begin` (a multiple of 4) to `end` (likewise, or k) is summed. A's first row is `row`.
// Bindings: a, a4: A as floats and as vec4 [m, k], or [k, m] if TRANSPOSE_A; b, b4: B likewise [k, n],
// or [n, k] if TRANSPOSE_B; bias [n] (read only if the uniform's bias is not 0); c or c4 [m, n].
// VECTOR_A, VECTOR_B: the stored row length is a multiple of 4, so that a4 or b4 may be used.
// Entry points: `vectors` if n is a multiple of 4, else `scalars`.
// Dispatch: 1-D over ceil(m / 8) * ceil(n / 64) workgroups of 8 lanes, folded.
// Determinism: each element is summed by one lane over k in order, four at a time.
//
// There workgroup memory does not pay: barriers and staged copies cost more than loading again.
// A lane owns 8 rows and twice 4 columns, all in registers; loads are as many vec4 as possible.

override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
override VECTOR_A: bool = false;
override VECTOR_B: bool = false;
override ACCUMULATE: bool = false;

struct Params {
  m: u32,
  n: u32,
  k: u32,
  begin: u32,
  end: u32,
  bias: u32,
  row: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> a4: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> b4: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> c: array<f32>;
@group(0) @binding(5) var<storage, read_write> c4: array<vec4f>;

// What a lane owns: row 4i + j of the tile is left[i][j] at `column` and right[i][j] at `column + 32`.
struct Tile {
  row: u32,
  column: u32,
  left: array<mat4x4f, 2>,
  right: array<mat4x4f, 2>,
}

// Elements k to k + 3 of row `row + step` of A, or rows `row` to `row + 3` of its column k + step if
// TRANSPOSE_A; zero where k has ended. Past the last row they are some numbers that are not stored.
fn load_a(row: u32, k: u32, step: u32) -> vec4f {
  let at = select((params.row + row + step) * params.k + k, (k + step) * params.m + row, TRANSPOSE_A);
  var v: vec4f;
  if (VECTOR_A) { v = a4[at / 4]; } else { v = vec4f(a[at], a[at + 1], a[at + 2], a[at + 3]); }
  if (TRANSPOSE_A) { return select(vec4f(), v, k + step < params.k); }
  if (VECTOR_A) { return v; }
  return select(vec4f(), v, vec4u(k, k + 1, k + 2, k + 3) < vec4u(params.k));
}

// Columns `column` to `column + 3` of row k + step of B, or k to k + 3 of column `column + step` if
// TRANSPOSE_B; zero where k has ended.
fn load_b(column: u32, k: u32, step: u32) -> vec4f {
  let at = select((k + step) * params.n + column, (column + step) * params.k + k, TRANSPOSE_B);
  var v: vec4f;
  if (VECTOR_B) { v = b4[at / 4]; } else { v = vec4f(b[at], b[at + 1], b[at + 2], b[at + 3]); }
  if (!TRANSPOSE_B) { return select(vec4f(), v, k + step < params.k); }
  if (VECTOR_B) { return v; }
  return select(vec4f(), v, vec4u(k, k + 1, k + 2, k + 3) < vec4u(params.k));
}

// Four rows of A (the matrix's columns) by four steps of k.
fn block_a(row: u32, k: u32) -> mat4x4f {
  let v = mat4x4f(load_a(row, k, 0), load_a(row, k, 1), load_a(row, k, 2), load_a(row, k, 3));
  if (TRANSPOSE_A) { return transpose(v); }
  return v;
}

// Four steps of k (the matrix's columns) by four columns of B.
fn block_b(column: u32, k: u32) -> mat4x4f {
  let v = mat4x4f(load_b(column, k, 0), load_b(column, k, 1), load_b(column, k, 2),
    load_b(column, k, 3));
  if (TRANSPOSE_B) { return transpose(v); }
  return v;
}

// Where the workgroup's tile begins. Tiles that share the shorter of C's sides follow each other, so
// that the smaller operand is read again and again, from the cache.
fn tile_of(group: u32) -> vec2u {
  let tiles = (vec2u(params.m, params.n) + vec2u(7, 63)) / vec2u(8, 64);
  if (params.n > params.m) { return vec2u(group % tiles.x * 8, group / tiles.x * 64); }
  return vec2u(group / tiles.y * 8, group % tiles.y * 64);
}

fn product(group: u32, lane: u32) -> Tile {
  let corner = tile_of(group);
  var tile: Tile;
  tile.row = corner.x;
  tile.column = corner.y + 4 * lane;
  for (var k = params.begin; k < params.end; k += 4) {
    let y0 = block_b(tile.column, k);
    let y1 = block_b(tile.column + 32, k);
    let x0 = block_a(tile.row, k);
    tile.left[0] += y0 * x0;
    tile.right[0] += y1 * x0;
    let x1 = block_a(tile.row + 4, k);
    tile.left[1] += y0 * x1;
    tile.right[1] += y1 * x1;
  }
  return tile;
}

fn bias_at(column: u32) -> vec4f {
  if (params.bias == 0) { return vec4f(); }
  return vec4f(bias[column], bias[column + 1], bias[column + 2], bias[column + 3]);
}

fn store_vector(row: u32, column: u32, value: vec4f) {
  if (row < params.m && column < params.n) {
    let at = (row * params.n + column) / 4;
    var v = value;
    if (ACCUMULATE) { v += c4[at]; }
    c4[at] = v;
  }
}

fn store_vectors(row: u32, column: u32, rows: mat4x4f, offset: vec4f) {
  store_vector(row, column, rows[0] + offset);
  store_vector(row + 1, column, rows[1] + offset);
  store_vector(row + 2, column, rows[2] + offset);
  store_vector(row + 3, column, rows[3] + offset);
}

@compute @workgroup_size(8)
fn vectors(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let tile = product(id.x + id.y * groups.x, lane);
  let left = bias_at(tile.column);
  store_vectors(tile.row, tile.column, tile.left[0], left);
  store_vectors(tile.row + 4, tile.column, tile.left[1], left);
  let right = bias_at(tile.column + 32);
  store_vectors(tile.row, tile.column + 32, tile.right[0], right);
  store_vectors(tile.row + 4, tile.column + 32, tile.right[1], right);
}

fn store_scalar(at: u32, wanted: bool, value: f32) {
  if (wanted) {
    var v = value;
    if (ACCUMULATE) { v += c[at]; }
    c[at] = v;
  }
}

fn store_row(row: u32, column: u32, values: vec4f) {
  if (row < params.m) {
    let at = row * params.n + column;
    store_scalar(at, column < params.n, values.x);
    store_scalar(at + 1, column + 1 < params.n, values.y);
    store_scalar(at + 2, column + 2 < params.n, values.z);
    store_scalar(at + 3, column + 3 < params.n, values.w);
  }
}

fn store_scalars(row: u32, column: u32, rows: mat4x4f, offset: vec4f) {
  store_row(row, column, rows[0] + offset);
  store_row(row + 1, column, rows[1] + offset);
  store_row(row + 2, column, rows[2] + offset);
  store_row(row + 3, column, rows[3] + offset);
}

@compute @workgroup_size(8)
fn scalars(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let tile = product(id.x + id.y * groups.x, lane);
  let left = bias_at(tile.column);
  store_scalars(tile.row, tile.column, tile.left[0], left);
  store_scalars(tile.row + 4, tile.column, tile.left[1], left);
  let right = bias_at(tile.column + 32);
  store_scalars(tile.row, tile.column + 32, tile.right[0], right);
  store_scalars(tile.row + 4, tile.column + 32, tile.right[1], right);
}
