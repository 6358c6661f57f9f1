// Matrix product for software adapters that have subgroups of eight lanes.
//
// matmul.wgsl says what of; of the inner dimension, `depth` steps (a multiple of 4) from `begin` on are summed.
// Dispatch: 1-D over ceil(m / ROWS) * ceil(n / columns of a tile) workgroups of one subgroup, folded.
// Determinism: each element is summed by one lane over k in order, four at a time.
//
// There a load runs lane by lane and component by component, some ten instructions each; a
// multiplication or a broadcast is one or two instructions for all lanes. A lane owns 4 columns of a
// tile of ROWS rows; four steps of k need one vec4 of A for every 8 rows, from which all lanes are
// served, and four vec4 of B. A lane's matrices are registers, so that transposing them is free.
// Large tiles (ROWS = 64) load less for each product and take the compiler six times as long: they are for
// `vectors` without ACCUMULATE alone.

const LANES = 8u;
override ROWS: u32 = 32; // of a tile of 32 columns: 8, 16, 24 or 32; or 64, of 64 columns

// What a lane owns, in the left and the right half of the columns: left[i][j] is row 4i + j of the tile,
// the lane's 4 columns.
struct Tile {
  left: array<mat4x4f, 16>,
  right: array<mat4x4f, 16>,
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

// Where the workgroup's tile begins. Tiles that share the shorter of C's sides follow each other, so
// that the smaller operand is read again and again, from the cache.
fn corner_of(group: u32) -> vec2u {
  let tile = vec2u(ROWS, select(32u, 64u, ROWS > 32));
  let tiles = (vec2u(params.m, params.n) + tile - 1) / tile;
  if (params.n > params.m) { return vec2u(group % tiles.x, group / tiles.x) * tile; }
  return vec2u(group / tiles.y, group % tiles.y) * tile;
}

fn product(corner: vec2u, lane: u32) -> Tile {
  let column = corner.y + 4 * lane;
  // Where the lane's next vec4 of A starts in the first eight rows, and each of the four of B.
  var at_a = (params.row + corner.x + lane) * params.k + params.begin;
  if (TRANSPOSE_A) { at_a = (params.begin + (lane & 3)) * params.m + corner.x + lane / 4 * 4; }
  let sets = vec4u(0, 1, 2, 3);
  var at_b = (params.begin + sets) * params.n + column;
  if (TRANSPOSE_B) { at_b = (column + sets) * params.k + params.begin; }
  // From eight rows to the next, from half to half, and from four steps of k to the next.
  let down = select(LANES * params.k, LANES, TRANSPOSE_A);
  let right = select(4 * LANES, 4 * LANES * params.k, TRANSPOSE_B);
  let next_a = select(4u, 4 * params.m, TRANSPOSE_A);
  let next_b = select(4 * params.n, 4u, TRANSPOSE_B);

  var tile: Tile;
  let end = min(params.k, params.begin + params.depth);
  for (var k = params.begin; k < end; k += 4) {
    let y = columns_of_b(at_b, k);
    var z = mat4x4f();
    if (ROWS > 32) { z = columns_of_b(at_b + right, k); }
    {
      let x = load_four_a(at_a, k, lane);
      let low = rows_0(x);
      let high = rows_4(x);
      tile.left[0] += y * low;
      tile.left[1] += y * high;
      if (ROWS > 32) {
        tile.right[0] += z * low;
        tile.right[1] += z * high;
      }
    }
    if (ROWS > 8) {
      let x = load_four_a(at_a + down, k, lane);
      let low = rows_0(x);
      let high = rows_4(x);
      tile.left[2] += y * low;
      tile.left[3] += y * high;
      if (ROWS > 32) {
        tile.right[2] += z * low;
        tile.right[3] += z * high;
      }
    }
    if (ROWS > 16) {
      let x = load_four_a(at_a + 2 * down, k, lane);
      let low = rows_0(x);
      let high = rows_4(x);
      tile.left[4] += y * low;
      tile.left[5] += y * high;
      if (ROWS > 32) {
        tile.right[4] += z * low;
        tile.right[5] += z * high;
      }
    }
    if (ROWS > 24) {
      let x = load_four_a(at_a + 3 * down, k, lane);
      let low = rows_0(x);
      let high = rows_4(x);
      tile.left[6] += y * low;
      tile.left[7] += y * high;
      if (ROWS > 32) {
        tile.right[6] += z * low;
        tile.right[7] += z * high;
      }
    }
    if (ROWS > 32) {
      let x = load_four_a(at_a + 4 * down, k, lane);
      let low = rows_0(x);
      let high = rows_4(x);
      tile.left[8] += y * low;
      tile.left[9] += y * high;
      tile.right[8] += z * low;
      tile.right[9] += z * high;
    }
    if (ROWS > 40) {
      let x = load_four_a(at_a + 5 * down, k, lane);
      let low = rows_0(x);
      let high = rows_4(x);
      tile.left[10] += y * low;
      tile.left[11] += y * high;
      tile.right[10] += z * low;
      tile.right[11] += z * high;
    }
    if (ROWS > 48) {
      let x = load_four_a(at_a + 6 * down, k, lane);
      let low = rows_0(x);
      let high = rows_4(x);
      tile.left[12] += y * low;
      tile.left[13] += y * high;
      tile.right[12] += z * low;
      tile.right[13] += z * high;
    }
    if (ROWS > 56) {
      let x = load_four_a(at_a + 7 * down, k, lane);
      let low = rows_0(x);
      let high = rows_4(x);
      tile.left[14] += y * low;
      tile.left[15] += y * high;
      tile.right[14] += z * low;
      tile.right[15] += z * high;
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
  store_vectors(0u, row, column, tile.left[0]);
  store_vectors(0u, row + 4, column, tile.left[1]);
  if (ROWS > 8) {
    store_vectors(0u, row + 8, column, tile.left[2]);
    store_vectors(0u, row + 12, column, tile.left[3]);
  }
  if (ROWS > 16) {
    store_vectors(0u, row + 16, column, tile.left[4]);
    store_vectors(0u, row + 20, column, tile.left[5]);
  }
  if (ROWS > 24) {
    store_vectors(0u, row + 24, column, tile.left[6]);
    store_vectors(0u, row + 28, column, tile.left[7]);
  }
  if (ROWS > 32) {
    store_vectors(0u, row + 32, column, tile.left[8]);
    store_vectors(0u, row + 36, column, tile.left[9]);
    store_vectors(0u, row + 40, column, tile.left[10]);
    store_vectors(0u, row + 44, column, tile.left[11]);
    store_vectors(0u, row + 48, column, tile.left[12]);
    store_vectors(0u, row + 52, column, tile.left[13]);
    store_vectors(0u, row + 56, column, tile.left[14]);
    store_vectors(0u, row + 60, column, tile.left[15]);
    store_vectors(0u, row, column + 4 * LANES, tile.right[0]);
    store_vectors(0u, row + 4, column + 4 * LANES, tile.right[1]);
    store_vectors(0u, row + 8, column + 4 * LANES, tile.right[2]);
    store_vectors(0u, row + 12, column + 4 * LANES, tile.right[3]);
    store_vectors(0u, row + 16, column + 4 * LANES, tile.right[4]);
    store_vectors(0u, row + 20, column + 4 * LANES, tile.right[5]);
    store_vectors(0u, row + 24, column + 4 * LANES, tile.right[6]);
    store_vectors(0u, row + 28, column + 4 * LANES, tile.right[7]);
    store_vectors(0u, row + 32, column + 4 * LANES, tile.right[8]);
    store_vectors(0u, row + 36, column + 4 * LANES, tile.right[9]);
    store_vectors(0u, row + 40, column + 4 * LANES, tile.right[10]);
    store_vectors(0u, row + 44, column + 4 * LANES, tile.right[11]);
    store_vectors(0u, row + 48, column + 4 * LANES, tile.right[12]);
    store_vectors(0u, row + 52, column + 4 * LANES, tile.right[13]);
    store_vectors(0u, row + 56, column + 4 * LANES, tile.right[14]);
    store_vectors(0u, row + 60, column + 4 * LANES, tile.right[15]);
  }
}

@compute @workgroup_size(LANES)
fn scalars(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32) {
  let corner = corner_of(id.x + id.y * groups.x);
  let tile = product(corner, lane);
  let row = corner.x;
  let column = corner.y + 4 * lane;
  store_scalars(0u, row, column, tile.left[0]);
  store_scalars(0u, row + 4, column, tile.left[1]);
  if (ROWS > 8) {
    store_scalars(0u, row + 8, column, tile.left[2]);
    store_scalars(0u, row + 12, column, tile.left[3]);
  }
  if (ROWS > 16) {
    store_scalars(0u, row + 16, column, tile.left[4]);
    store_scalars(0u, row + 20, column, tile.left[5]);
  }
  if (ROWS > 24) {
    store_scalars(0u, row + 24, column, tile.left[6]);
    store_scalars(0u, row + 28, column, tile.left[7]);
  }
}
