// Matrix product for software adapters without usable subgroups.
//
// See _operands.wgsl for the operands. Sums `depth` steps (a multiple of 4) of the inner dimension, from `begin` on.
// Dispatch: 1-D over ceil(m / 8) * ceil(n / 64) workgroups of 8 threads, folded.
// Determinism: each element is summed by one thread over k in order, four at a time.
//
// There workgroup memory does not pay: barriers and staged copies cost more than loading again.
// A thread owns 8 rows and twice 4 columns, all in registers; loads are as many vec4 as possible.

// What a thread owns: row 4i + j of the tile is left[i][j] at `column` and right[i][j] at `column + 32`.
struct Tile {
  row: u32,
  column: u32,
  left: array<mat4x4f, 2>,
  right: array<mat4x4f, 2>,
}

// Four rows of A (the matrix's columns) by four steps of k.
fn block_a(row: u32, k: u32) -> mat4x4f {
  let v = mat4x4f(load_a(row, k, 0, params.k), load_a(row, k, 1, params.k), load_a(row, k, 2, params.k),
    load_a(row, k, 3, params.k));
  if (TRANSPOSE_A) { return transpose(v); }
  return v;
}

// Four steps of k (the matrix's columns) by four columns of B.
fn block_b(column: u32, k: u32) -> mat4x4f {
  let v = mat4x4f(load_b(column, k, 0, params.k), load_b(column, k, 1, params.k),
    load_b(column, k, 2, params.k), load_b(column, k, 3, params.k));
  if (TRANSPOSE_B) { return transpose(v); }
  return v;
}

fn product(group: u32, local: u32) -> Tile {
  let corner = tile_of(group, params.m, params.n, vec2u(8, 64));
  var tile: Tile;
  tile.row = corner.x;
  tile.column = corner.y + 4 * local;
  let end = min(params.k, params.begin + params.depth);
  for (var k = params.begin; k < end; k += 4) {
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

@compute @workgroup_size(8)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let tile = product(group_index(group), local);
  store(0, tile.row, tile.column, tile.left[0]);
  store(0, tile.row + 4, tile.column, tile.left[1]);
  store(0, tile.row, tile.column + 32, tile.right[0]);
  store(0, tile.row + 4, tile.column + 32, tile.right[1]);
}
