// Matrix product for software adapters that have subgroups of 8 or 16 lanes.
//
// matmul.wgsl says what of; of the inner dimension, `depth` steps (a multiple of 4) from `begin` on are summed.
// Dispatch: 1-D over ceil(m / ROWS) * ceil(n / (4 LANES)) workgroups of one subgroup, folded.
// Determinism: each element is summed by one lane over k in order, four at a time.
//
// There a load runs lane by lane and component by component, some ten instructions each; a
// multiplication or a broadcast is one or two instructions for all lanes. A lane owns 4 columns of a
// tile of ROWS rows; four steps of k need one vec4 of A for every LANES rows, from which all lanes are
// served, and four vec4 of B. A lane's matrices are registers, so that transposing them is free.

override LANES: u32 = 8;
override ROWS: u32 = 32; // of a tile: 8, 16, 24 or 32

// What a lane owns: rows[i][j] is row 4i + j of the tile, the lane's 4 columns.
struct Tile {
  row: u32,
  column: u32,
  rows: array<mat4x4f, 8>,
}

// Four elements from `index` on: of a row from k on, or of a column of four rows at k + lane % 4 if
// TRANSPOSE_A; zero where k has ended. Past the last row they are some numbers that are not stored.
fn load_four_a(index: u32, k: u32, lane: u32) -> vec4f {
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
fn load_four_b(index: u32, k: u32, step: u32) -> vec4f {
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

  let end = min(params.k, params.begin + params.depth);
  for (var k = params.begin; k < end; k += 4) {
    var y = mat4x4f(load_four_b(at_b.x, k, 0), load_four_b(at_b.y, k, 1), load_four_b(at_b.z, k, 2),
      load_four_b(at_b.w, k, 3));
    if (TRANSPOSE_B) { y = transpose(y); }
    let x0 = load_four_a(at_a.x, k, lane);
    tile.rows[0] += y * rows_0(x0);
    tile.rows[1] += y * rows_4(x0);
    if (LANES == 16) {
      if (ROWS > 8) {
        tile.rows[2] += y * rows_8(x0);
        tile.rows[3] += y * rows_12(x0);
      }
      if (ROWS > 16) {
        let x1 = load_four_a(at_a.y, k, lane);
        tile.rows[4] += y * rows_0(x1);
        tile.rows[5] += y * rows_4(x1);
        if (ROWS > 24) {
          tile.rows[6] += y * rows_8(x1);
          tile.rows[7] += y * rows_12(x1);
        }
      }
    } else {
      if (ROWS > 8) {
        let x1 = load_four_a(at_a.y, k, lane);
        tile.rows[2] += y * rows_0(x1);
        tile.rows[3] += y * rows_4(x1);
      }
      if (ROWS > 16) {
        let x2 = load_four_a(at_a.z, k, lane);
        tile.rows[4] += y * rows_0(x2);
        tile.rows[5] += y * rows_4(x2);
      }
      if (ROWS > 24) {
        let x3 = load_four_a(at_a.w, k, lane);
        tile.rows[6] += y * rows_0(x3);
        tile.rows[7] += y * rows_4(x3);
      }
    }
    at_a += vec4u(next_a);
    at_b += vec4u(next_b);
  }
  return tile;
}

@compute @workgroup_size(LANES)
fn vectors(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let tile = product(id.x + id.y * groups.x, lane);
  store_vectors(0u, tile.row, tile.column, tile.rows[0]);
  store_vectors(0u, tile.row + 4, tile.column, tile.rows[1]);
  if (ROWS > 8) {
    store_vectors(0u, tile.row + 8, tile.column, tile.rows[2]);
    store_vectors(0u, tile.row + 12, tile.column, tile.rows[3]);
  }
  if (ROWS > 16) {
    store_vectors(0u, tile.row + 16, tile.column, tile.rows[4]);
    store_vectors(0u, tile.row + 20, tile.column, tile.rows[5]);
  }
  if (ROWS > 24) {
    store_vectors(0u, tile.row + 24, tile.column, tile.rows[6]);
    store_vectors(0u, tile.row + 28, tile.column, tile.rows[7]);
  }
}

@compute @workgroup_size(LANES)
fn scalars(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let tile = product(id.x + id.y * groups.x, lane);
  store_scalars(0u, tile.row, tile.column, tile.rows[0]);
  store_scalars(0u, tile.row + 4, tile.column, tile.rows[1]);
  if (ROWS > 8) {
    store_scalars(0u, tile.row + 8, tile.column, tile.rows[2]);
    store_scalars(0u, tile.row + 12, tile.column, tile.rows[3]);
  }
  if (ROWS > 16) {
    store_scalars(0u, tile.row + 16, tile.column, tile.rows[4]);
    store_scalars(0u, tile.row + 20, tile.column, tile.rows[5]);
  }
  if (ROWS > 24) {
    store_scalars(0u, tile.row + 24, tile.column, tile.rows[6]);
    store_scalars(0u, tile.row + 28, tile.column, tile.rows[7]);
  }
}
