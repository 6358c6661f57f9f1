// Matrix product for GPUs, in the tiles of _workgroup_tile.wgsl.
//
// See _operands.wgsl for the operands.
// Dispatch: 1-D over ceil(m / ROWS) * ceil(n / COLUMNS) * ceil(k / depth) workgroups, folded. Where depth
// is less than k (a multiple of SLAB), C is [ceil(k / depth), m, n]: partial products over depth
// steps of k each, which the entry point `combine` then adds up:
// combine: partials [chunks, m, n] (chunks in the uniform's k), sum_bias [n], sum [m, n] = (sum +) bias
// + partials in order. Dispatch: 1-D over m * n / 4 threads if n is a multiple of 4, else m * n, folded.
// Determinism: each element is summed by one thread over k in order, then over the chunks in order.

@group(0) @binding(0) var<storage, read> partials: array<Stored>;
@group(0) @binding(1) var<storage, read> sum_bias: array<Stored>;
@group(0) @binding(2) var<storage, read_write> sum: array<Stored>;

// Four rows of A (the components) by four steps of k (the matrix's columns).
fn block_of_a(first: u32, k: u32, end: u32) -> mat4x4f {
  let v = mat4x4f(load_a(first, k, 0, end), load_a(first, k, 1, end), load_a(first, k, 2, end),
    load_a(first, k, 3, end));
  if (TRANSPOSE_A) { return v; }
  return transpose(v);
}

// Four columns of B by four steps of k.
fn block_of_b(first: u32, k: u32, end: u32) -> mat4x4f {
  let v = mat4x4f(load_b(first, k, 0, end), load_b(first, k, 1, end), load_b(first, k, 2, end),
    load_b(first, k, 3, end));
  if (TRANSPOSE_B) { return transpose(v); }
  return v;
}

fn product(group: u32, thread: u32) -> Tile {
  let tiles = tiles_of(params.m, params.n, TILE);
  let chunk = group / (tiles.x * tiles.y);
  let corner = tile_of(group % (tiles.x * tiles.y), params.m, params.n, TILE);
  let begin = chunk * params.depth;
  var tile = tile_product(corner, begin, min(params.k, begin + params.depth), thread);
  // Folding a grid may add a workgroup past the last chunk: it stores nothing.
  if (begin >= params.k) { tile.row = params.m; }
  tile.start = chunk * params.m * params.n;
  return tile;
}

@compute @workgroup_size(THREADS)
fn main(group: Group, @builtin(local_invocation_index) thread: u32) {
  let tile = product(group_index(group), thread);
  let bottom = tile.row + ROWS / 2;
  let right = tile.column + COLUMNS / 2;
  store(tile.start, tile.row, tile.column, tile.top_left);
  if (HALVES == 1) { return; }
  store(tile.start, tile.row, right, tile.top_right);
  store(tile.start, bottom, tile.column, tile.bottom_left);
  store(tile.start, bottom, right, tile.bottom_right);
}

@compute @workgroup_size(64)
fn combine(group: Group, @builtin(local_invocation_index) thread: u32) {
  let at = thread_index(group, thread);
  let width = params.n / STORED;
  let size = params.m * width;
  if (at >= size) { return; }
  var total = Stored(0);
  if (ACCUMULATE) { total = sum[at]; }
  if (params.bias != 0) { total += sum_bias[at % width]; }
  var c = 0u;
  for (; c + 4 <= params.k; c += 4) { // four loads are under way together
    let first = c * size + at;
    total = total + partials[first] + partials[first + size] + partials[first + 2 * size] + partials[first + 3 * size];
  }
  for (; c < params.k; c++) { total += partials[c * size + at]; }
  sum[at] = total;
}
