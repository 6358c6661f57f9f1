// A tile of a matrix product, from texels: a library for software adapters with subgroups of 8 or 16 lanes.
//
// A subgroup sums ROWS rows of 4 * LANES columns. Whoever uses it declares TRANSPOSE_A and TRANSPOSE_B, and is
// prefixed with _weight_f32.wgsl or _weight_f16.wgsl, then _texels.wgsl.
// Determinism: each element is summed by one lane over k in order.
//
// There a multiplication or a broadcast is one or two instructions for all lanes. A load from a buffer
// runs lane by lane and component by component, some ten instructions each; one from a texture takes two
// for each component. A lane owns 4 columns; four steps of k need one texel of A for every LANES rows, from
// which all lanes are served, and four of B. A lane's matrices are registers, so that transposing them is free.

override LANES: u32 = 8; // 8 or 16
override ROWS: u32 = 16; // 4, 8, 12, 16 or 32
override ONES: bool = false; // A is all ones, and its texels are not read

@group(2) @binding(0) var texels_a: Texels;
@group(2) @binding(1) var texels_b: WeightTexels;

// What a lane owns: [i][j] is row 4i + j of the tile, the lane's 4 columns.
alias Tile = array<mat4x4f, 8>;

// Four elements of A from `index` on: of a row from k on, or of a column of four rows at k + lane % 4 if
// TRANSPOSE_A; zero where k has ended. Past the last row they are some numbers that are not stored.
fn load_four_a(index: u32, k: u32, lane: u32, end: u32) -> vec4f {
  if (ONES) { return vec4f(1.0); }
  let v = textureLoad(texels_a, texel(index));
  if (TRANSPOSE_A) { return select(vec4f(), v, k + (lane & 3) < end); }
  return v;
}

// Likewise of B: four columns of row k + step, or four rows from k on of one column if TRANSPOSE_B.
fn load_four_b(index: u32, k: u32, step: u32, end: u32) -> vec4f {
  let v = textureLoad(texels_b, texel(index));
  if (TRANSPOSE_B) { return v; }
  return select(vec4f(), v, k + step < end);
}

// Four steps of k of B, a lane's 4 columns; `at` is where each load begins.
fn columns_of_b(at: vec4u, k: u32, end: u32) -> mat4x4f {
  let y = mat4x4f(load_four_b(at.x, k, 0, end), load_four_b(at.y, k, 1, end), load_four_b(at.z, k, 2, end),
    load_four_b(at.w, k, 3, end));
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

// sum + y x, with the sum running over k in order.
fn add_row(sum: vec4f, y: mat4x4f, x: vec4f) -> vec4f {
  let first = fma(y[1], vec4f(x.y), fma(y[0], vec4f(x.x), sum));
  return fma(y[3], vec4f(x.w), fma(y[2], vec4f(x.z), first));
}
fn add_rows(sum: mat4x4f, y: mat4x4f, x: mat4x4f) -> mat4x4f {
  return mat4x4f(add_row(sum[0], y, x[0]), add_row(sum[1], y, x[1]), add_row(sum[2], y, x[2]),
    add_row(sum[3], y, x[3]));
}

// Adds four steps of k of LANES rows, the tile's i-th, to a lane's columns: x is the lane's texel of A.
fn add_lanes(tile: ptr<function, Tile>, i: u32, y: mat4x4f, x: vec4f) {
  let first = i * LANES / 4;
  let rows = ROWS - i * LANES;
  (*tile)[first] = add_rows((*tile)[first], y, rows_0(x));
  if (rows > 4) { (*tile)[first + 1] = add_rows((*tile)[first + 1], y, rows_4(x)); }
  if (rows > 8 && LANES == 16) { (*tile)[first + 2] = add_rows((*tile)[first + 2], y, rows_8(x)); }
  if (rows > 12 && LANES == 16) { (*tile)[first + 3] = add_rows((*tile)[first + 3], y, rows_12(x)); }
}

// `before`, and what k from `begin` to `end` adds. `at_a`: where the lane's first texel of A is, in the first rows;
// `at_b`: where each of its four of B are; width_a, width_b: floats in a stored row.
fn tile_product(before: Tile, at_a: u32, at_b: vec4u, width_a: u32, width_b: u32, begin: u32,
  end: u32, lane: u32) -> Tile {
  // From the rows of one texel of A to the next, and from four steps of k to the next.
  let down = select(LANES * width_a, LANES, TRANSPOSE_A);
  let next_a = select(4, 4 * width_a, TRANSPOSE_A);
  let next_b = select(4 * width_b, 4, TRANSPOSE_B);
  var a = at_a;
  var b = at_b;
  var tile = before;
  for (var k = begin; k < end; k += 4) {
    let y = columns_of_b(b, k, end);
    add_lanes(&tile, 0, y, load_four_a(a, k, lane, end));
    if (ROWS > LANES) { add_lanes(&tile, 1, y, load_four_a(a + down, k, lane, end)); }
    if (ROWS > 2 * LANES) {
      add_lanes(&tile, 2, y, load_four_a(a + 2 * down, k, lane, end));
      add_lanes(&tile, 3, y, load_four_a(a + 3 * down, k, lane, end));
    }
    a += next_a;
    b += vec4u(next_b);
  }
  return tile;
}
