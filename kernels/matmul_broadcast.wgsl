// Matrix product for software adapters that have subgroups of 8 or 16 lanes.
//
// matmul.wgsl says what of; of the inner dimension, `depth` steps (a multiple of 4) from `begin` on are summed.
// A and B are read as texels (texels.wgsl); their stored rows are whole vectors, zero past their end.
// Dispatch: 1-D over ceil(m / ROWS) * ceil(n / (4 * LANES)) workgroups of one subgroup, folded.
// Determinism: each element is summed by one lane over k in order, four at a time.
//
// There a multiplication or a broadcast is one or two instructions for all lanes. A load from a buffer
// runs lane by lane and component by component, some ten instructions each; one from a texture takes two
// for each component. A lane owns 4 columns of a tile of ROWS rows; four steps of k need one texel of A
// for every LANES rows, from which all lanes are served, and four of B. A lane's matrices are registers, so
// that transposing them is free.

override LANES: u32 = 8; // 8 or 16
override ROWS: u32 = 16; // of a tile of 4 * LANES columns: 8 or 16

@group(2) @binding(0) var texels_a: Texels;
@group(2) @binding(1) var texels_b: Texels;

// What a lane owns: [i][j] is row 4i + j of the tile, the lane's 4 columns.
alias Tile = array<mat4x4f, 4>;

// Four elements of A from `index` on: of a row from k on, or of a column of four rows at k + lane % 4 if
// TRANSPOSE_A; zero where k has ended. Past the last row they are some numbers that are not stored.
fn load_four_a(index: u32, k: u32, lane: u32) -> vec4f {
  let v = textureLoad(texels_a, texel(index));
  if (TRANSPOSE_A) { return select(vec4f(), v, k + (lane & 3) < params.k); }
  return v;
}

// Likewise of B: four columns of row k + step, or four rows from k on of one column if TRANSPOSE_B.
fn load_four_b(index: u32, k: u32, step: u32) -> vec4f {
  let v = textureLoad(texels_b, texel(index));
  if (TRANSPOSE_B) { return v; }
  return select(vec4f(), v, k + step < params.k);
}

// Four steps of k of B, a lane's 4 columns; `at` is where each load begins.
fn columns_of_b(at: vec4u, k: u32) -> mat4x4f {
  let y = mat4x4f(load_four_b(at.x, k, 0), load_four_b(at.y, k, 1), load_four_b(at.z, k, 2),
    load_four_b(at.w, k, 3));
  if (TRANSPOSE_B) { return transpose(y); }
  return y;
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
fn corner_of(group: u32) -> vec2u {
  let tile = vec2u(ROWS, 4 * LANES);
  let tiles = (vec2u(params.m, params.n) + tile - 1) / tile;
  if (params.n > params.m) { return vec2u(group % tiles.x, group / tiles.x) * tile; }
  return vec2u(group / tiles.y, group % tiles.y) * tile;
}

// sum + y x, with the sum running over k in order.
fn add_row(sum: vec4f, y: mat4x4f, x: vec4f) -> vec4f {
  let first = fma(y[1], vec4f(x.y), fma(y[0], vec4f(x.x), sum));
  return fma(y[3], vec4f(x.w), fma(y[2], vec4f(x.z), first));
}
fn add_rows(sum: mat4x4f, y: mat4x4f, x: mat4x4f) -> mat4x4f {
  return mat4x4f(add_row(sum[0], y, x[0]), add_row(sum[1], y, x[1]), add_row(sum[2], y, x[2]),
    add_row(sum[3], y, x[3]));
}

fn product(corner: vec2u, lane: u32) -> Tile {
  let column = corner.y + 4 * lane;
  // Where the lane's next texel of A starts in the first rows, and each of the four of B.
  var at_a = (params.row + corner.x + lane) * params.width_a + params.begin;
  if (TRANSPOSE_A) { at_a = (params.begin + (lane & 3)) * params.width_a + corner.x + lane / 4 * 4; }
  let sets = vec4u(0, 1, 2, 3);
  var at_b = (params.begin + sets) * params.width_b + column;
  if (TRANSPOSE_B) { at_b = (column + sets) * params.width_b + params.begin; }
  // From eight rows to the next, and from four steps of k to the next.
  let down = select(8 * params.width_a, 8u, TRANSPOSE_A);
  let next_a = select(4u, 4 * params.width_a, TRANSPOSE_A);
  let next_b = select(4 * params.width_b, 4u, TRANSPOSE_B);

  var tile: Tile;
  let end = min(params.k, params.begin + params.depth);
  for (var k = params.begin; k < end; k += 4) {
    let y = columns_of_b(at_b, k);
    let x = load_four_a(at_a, k, lane);
    tile[0] = add_rows(tile[0], y, rows_0(x));
    tile[1] = add_rows(tile[1], y, rows_4(x));
    if (ROWS > 8 && LANES == 8) {
      let z = load_four_a(at_a + down, k, lane);
      tile[2] = add_rows(tile[2], y, rows_0(z));
      tile[3] = add_rows(tile[3], y, rows_4(z));
    }
    if (ROWS > 8 && LANES == 16) {
      tile[2] = add_rows(tile[2], y, rows_8(x));
      tile[3] = add_rows(tile[3], y, rows_12(x));
    }
    at_a += next_a;
    at_b += vec4u(next_b);
  }
  return tile;
}

@compute @workgroup_size(LANES)
fn vectors(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let corner = corner_of(id.x + id.y * groups.x);
  let tile = product(corner, lane);
  let row = corner.x;
  let column = corner.y + 4 * lane;
  store_vectors(0u, row, column, tile[0]);
  store_vectors(0u, row + 4, column, tile[1]);
  if (ROWS > 8) {
    store_vectors(0u, row + 8, column, tile[2]);
    store_vectors(0u, row + 12, column, tile[3]);
  }
}

@compute @workgroup_size(LANES)
fn scalars(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let corner = corner_of(id.x + id.y * groups.x);
  let tile = product(corner, lane);
  let row = corner.x;
  let column = corner.y + 4 * lane;
  store_scalars(0u, row, column, tile[0]);
  store_scalars(0u, row + 4, column, tile[1]);
  if (ROWS > 8) {
    store_scalars(0u, row + 8, column, tile[2]);
    store_scalars(0u, row + 12, column, tile[3]);
  }
}
