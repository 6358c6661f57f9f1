// Matrix product for software adapters that have subgroups of 8 or 16 lanes.
//
// C = op(A) op(B) + bias, or C += ... (ACCUMULATE), with op(A) [m, k], op(B) [k, n]; of the inner
// dimension, only `begin` (a multiple of 4) to `end` (likewise, or k) is summed. A's first row is `row`.
// Bindings: a, a4: A as floats and as vec4 [m, k], or [k, m] if TRANSPOSE_A; b, b4: B likewise [k, n],
// or [n, k] if TRANSPOSE_B; bias [n] (read only if the uniform's bias is not 0); c or c4 [m, n].
// VECTOR_A, VECTOR_B: the stored row length is a multiple of 4, so that a4 or b4 may be used.
// Entry points: `vectors` if n is a multiple of 4, else `scalars`.
// Dispatch: 1-D over ceil(m / ROWS) * ceil(n / (4 LANES)) workgroups of one subgroup, folded.
// Determinism: each element is summed by one lane over k in order, four at a time.
//
// There a load runs lane by lane and component by component, some ten instructions each; a
// multiplication or a broadcast is one or two instructions for all lanes. A lane owns 4 columns of a
// tile of ROWS rows; four steps of k need one vec4 of A for every LANES rows, from which all lanes are
// served, and four vec4 of B. A lane's matrices are registers, so that transposing them is free.

override LANES: u32 = 8;
override ROWS: u32 = 32; // of a tile: 8, 16, 24 or 32
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

// What a lane owns: rows[i][j] is row 4i + j of the tile, the lane's 4 columns.
struct Tile {
  row: u32,
  column: u32,
  rows: array<mat4x4f, 8>,
}

// Four elements from `index` on: of a row from k on, or of a column of four rows at k + lane % 4 if
// TRANSPOSE_A; zero where k has ended. Past the last row they are some numbers that are not stored.
fn load_a(index: u32, k: u32, lane: u32) -> vec4f {
  var v: vec4f;
  if (VECTOR_A) {
    v = a4[index / 4];
  } else {
    v = vec4f(a[index], a[index + 1], a[index + 2], a[index + 3]);
  }
  if (TRANSPOSE_A) { return select(vec4f(), v, k + (lane & 3) < params.k); }
  if (VECTOR_A) { return v; }
  return select(vec4f(), v, vec4u(k, k + 1, k + 2, k + 3) < vec4u(params.k));
}

// Likewise of B: four columns of row k + step, or four rows from k on of one column if TRANSPOSE_B.
fn load_b(index: u32, k: u32, step: u32) -> vec4f {
  var v: vec4f;
  if (VECTOR_B) {
    v = b4[index / 4];
  } else {
    v = vec4f(b[index], b[index + 1], b[index + 2], b[index + 3]);
  }
  if (!TRANSPOSE_B) { return select(vec4f(), v, k + step < params.k); }
  if (VECTOR_B) { return v; }
  return select(vec4f(), v, vec4u(k, k + 1, k + 2, k + 3) < vec4u(params.k));
}

// Four rows of A (columns of the result) by four steps of k, from the lanes that loaded them.
fn rows_of(x: vec4f, y: vec4f, z: vec4f, w: vec4f) -> mat4x4f {
  if (TRANSPOSE_A) { return transpose(mat4x4f(x, y, z, w)); }
  return mat4x4f(x, y, z, w);
}
fn rows_0(v: vec4f) -> mat4x4f {
  return rows_of(subgroupBroadcast(v, 0u), subgroupBroadcast(v, 1u), subgroupBroadcast(v, 2u),
    subgroupBroadcast(v, 3u));
}
fn rows_4(v: vec4f) -> mat4x4f {
  return rows_of(subgroupBroadcast(v, 4u), subgroupBroadcast(v, 5u), subgroupBroadcast(v, 6u),
    subgroupBroadcast(v, 7u));
}
fn rows_8(v: vec4f) -> mat4x4f {
  return rows_of(subgroupBroadcast(v, 8u), subgroupBroadcast(v, 9u), subgroupBroadcast(v, 10u),
    subgroupBroadcast(v, 11u));
}
fn rows_12(v: vec4f) -> mat4x4f {
  return rows_of(subgroupBroadcast(v, 12u), subgroupBroadcast(v, 13u), subgroupBroadcast(v, 14u),
    subgroupBroadcast(v, 15u));
}

// Where the workgroup's tile begins. Tiles that share the shorter of C's sides follow each other, so
// that the smaller operand is read again and again, from the cache.
fn tile_of(group: u32) -> vec2u {
  let tile = vec2u(ROWS, 4 * LANES);
  let tiles = (vec2u(params.m, params.n) + tile - 1) / tile;
  if (params.n > params.m) { return vec2u(group % tiles.x, group / tiles.x) * tile; }
  return vec2u(group / tiles.y, group % tiles.y) * tile;
}

fn product(group: u32, lane: u32) -> Tile {
  let corner = tile_of(group);
  var tile: Tile;
  tile.row = corner.x;
  tile.column = corner.y + 4 * lane;

  // Where the lane's next vec4 of A starts in each set of LANES rows, and each of the four of B.
  let sets = vec4u(0, 1, 2, 3);
  var at_a = (params.row + tile.row + lane + sets * LANES) * params.k + params.begin;
  if (TRANSPOSE_A) {
    at_a = (params.begin + (lane & 3)) * params.m + tile.row + lane / 4 * 4 + sets * LANES;
  }
  var at_b = (params.begin + sets) * params.n + tile.column;
  if (TRANSPOSE_B) { at_b = (tile.column + sets) * params.k + params.begin; }
  let next_a = select(4u, 4 * params.m, TRANSPOSE_A);
  let next_b = select(4 * params.n, 4u, TRANSPOSE_B);

  for (var k = params.begin; k < params.end; k += 4) {
    var y = mat4x4f(load_b(at_b.x, k, 0), load_b(at_b.y, k, 1), load_b(at_b.z, k, 2),
      load_b(at_b.w, k, 3));
    if (TRANSPOSE_B) { y = transpose(y); }
    let x0 = load_a(at_a.x, k, lane);
    tile.rows[0] += y * rows_0(x0);
    tile.rows[1] += y * rows_4(x0);
    if (LANES == 16) {
      if (ROWS > 8) {
        tile.rows[2] += y * rows_8(x0);
        tile.rows[3] += y * rows_12(x0);
      }
      if (ROWS > 16) {
        let x1 = load_a(at_a.y, k, lane);
        tile.rows[4] += y * rows_0(x1);
        tile.rows[5] += y * rows_4(x1);
        if (ROWS > 24) {
          tile.rows[6] += y * rows_8(x1);
          tile.rows[7] += y * rows_12(x1);
        }
      }
    } else {
      if (ROWS > 8) {
        let x1 = load_a(at_a.y, k, lane);
        tile.rows[2] += y * rows_0(x1);
        tile.rows[3] += y * rows_4(x1);
      }
      if (ROWS > 16) {
        let x2 = load_a(at_a.z, k, lane);
        tile.rows[4] += y * rows_0(x2);
        tile.rows[5] += y * rows_4(x2);
      }
      if (ROWS > 24) {
        let x3 = load_a(at_a.w, k, lane);
        tile.rows[6] += y * rows_0(x3);
        tile.rows[7] += y * rows_4(x3);
      }
    }
    at_a += vec4u(next_a);
    at_b += vec4u(next_b);
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

@compute @workgroup_size(LANES)
fn vectors(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let tile = product(id.x + id.y * groups.x, lane);
  let offset = bias_at(tile.column);
  store_vectors(tile.row, tile.column, tile.rows[0], offset);
  store_vectors(tile.row + 4, tile.column, tile.rows[1], offset);
  if (ROWS > 8) {
    store_vectors(tile.row + 8, tile.column, tile.rows[2], offset);
    store_vectors(tile.row + 12, tile.column, tile.rows[3], offset);
  }
  if (ROWS > 16) {
    store_vectors(tile.row + 16, tile.column, tile.rows[4], offset);
    store_vectors(tile.row + 20, tile.column, tile.rows[5], offset);
  }
  if (ROWS > 24) {
    store_vectors(tile.row + 24, tile.column, tile.rows[6], offset);
    store_vectors(tile.row + 28, tile.column, tile.rows[7], offset);
  }
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

@compute @workgroup_size(LANES)
fn scalars(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let tile = product(id.x + id.y * groups.x, lane);
  let offset = bias_at(tile.column);
  store_scalars(tile.row, tile.column, tile.rows[0], offset);
  store_scalars(tile.row + 4, tile.column, tile.rows[1], offset);
  if (ROWS > 8) {
    store_scalars(tile.row + 8, tile.column, tile.rows[2], offset);
    store_scalars(tile.row + 12, tile.column, tile.rows[3], offset);
  }
  if (ROWS > 16) {
    store_scalars(tile.row + 16, tile.column, tile.rows[4], offset);
    store_scalars(tile.row + 20, tile.column, tile.rows[5], offset);
  }
  if (ROWS > 24) {
    store_scalars(tile.row + 24, tile.column, tile.rows[6], offset);
    store_scalars(tile.row + 28, tile.column, tile.rows[7], offset);
  }
}
