// Matrix product for software adapters that have subgroups of 8 or 16 lanes.
//
// See _operands.wgsl for the operands. Sums `depth` steps (a multiple of 4) of the inner dimension, from `begin` on.
// A and B are read as texels; their stored rows are whole vectors, zero past their end.
// Dispatch: 1-D over ceil(m / ROWS) * ceil(n / (4 * LANES)) workgroups of one subgroup, folded.
// Determinism: each element is summed by one lane over k in order (_texel_tile.wgsl); in the next launch, too,
// if that is CONTINUED.

override CONTINUED: bool = false; // C holds the sums of earlier steps of k

fn corner_of(group: u32) -> vec2u {
  return tile_of(group, params.m, params.n, vec2u(ROWS, 4 * LANES));
}

// The sums to go on with. Past C's last row they are some numbers that are not stored.
fn sums_before(row: u32, column: u32) -> Tile {
  var tile: Tile;
  if (CONTINUED) {
    tile[0] = stored(row, column);
    if (ROWS > 4) { tile[1] = stored(row + 4, column); }
    if (ROWS > 8) { tile[2] = stored(row + 8, column); }
    if (ROWS > 12) { tile[3] = stored(row + 12, column); }
    if (ROWS > 16) {
      tile[4] = stored(row + 16, column);
      tile[5] = stored(row + 20, column);
      tile[6] = stored(row + 24, column);
      tile[7] = stored(row + 28, column);
    }
  }
  return tile;
}

fn product(before: Tile, corner: vec2u, lane: u32) -> Tile {
  let column = corner.y + 4 * lane;
  var at_a = (params.row + corner.x + lane) * params.width_a + params.begin;
  if (TRANSPOSE_A) { at_a = (params.begin + (lane & 3)) * params.width_a + corner.x + lane / 4 * 4; }
  let sets = vec4u(0, 1, 2, 3);
  var at_b = (params.begin + sets) * params.width_b + column;
  if (TRANSPOSE_B) { at_b = (column + sets) * params.width_b + params.begin; }
  let end = min(params.k, params.begin + params.depth);
  return tile_product(before, at_a, at_b, params.width_a, params.width_b, params.begin, end, lane);
}

@compute @workgroup_size(LANES)
fn main(group: Group, @builtin(local_invocation_index) lane: u32) {
  let corner = corner_of(group_index(group));
  let row = corner.x;
  let column = corner.y + 4 * lane;
  let tile = product(sums_before(row, column), corner, lane);
  store(0, row, column, tile[0]);
  if (ROWS > 4) { store(0, row + 4, column, tile[1]); }
  if (ROWS > 8) { store(0, row + 8, column, tile[2]); }
  if (ROWS > 12) { store(0, row + 12, column, tile[3]); }
  if (ROWS > 16) {
    store(0, row + 16, column, tile[4]);
    store(0, row + 20, column, tile[5]);
    store(0, row + 24, column, tile[6]);
    store(0, row + 28, column, tile[7]);
  }
}
