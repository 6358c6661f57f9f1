// Gradients of the weights and biases of some linear maps y = x W^T + b at once.
//
// dW[m, w] = sum over n of dOut[n, m] x[n, w]; db[m] = sum over n of dOut[n, m]; of each of PARTS maps.
// Shapes: dOut [N, M], x [N, W], dW [M, W], db [M]; N is the same for all maps. dW is written in rows of whole
//         vec4s, and where depth (a multiple of SLAB) is less than N, the sums of each chunk of depth rows:
//         dW [ceil(N / depth), M, ceil(W / 4)] vec4s, db [ceil(N / depth), M]; combine_chunks.wgsl adds them up.
// Dispatch: 1-D over the tiles of all dW, times ceil(N / depth) workgroups, folded.
// Determinism: an element of dW is summed by one thread over n in order, one of db by four threads, each its
//              four rows of every slab, then theirs in order.
// Prefixed with _workgroup_tile.wgsl, _shifted.wgsl and _tile_order.wgsl; for_parts.ts repeats what a map needs.

override VECTOR_A: bool = false; // M is a multiple of 4 in all maps
override VECTOR_B: bool = false; // W is

const TRANSPOSE_A = true;
const TRANSPOSE_B = false;

struct Params {
  rows: u32, // N
  depth: u32, // rows of a chunk
  tiles: u32, // of all maps
  m_PART: u32,
  w_PART: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(PART) var<storage, read> d_out_PART: array<vec4f>;
@group(0) @binding(PARTS + PART) var<storage, read> x_PART: array<vec4f>;
@group(0) @binding(2 * PARTS + PART) var<storage, read_write> d_weight_PART: array<vec4f>;
@group(0) @binding(3 * PARTS + PART) var<storage, read_write> d_bias_PART: array<f32>;

// Private, since the tile's product calls the functions that need these:
var<private> map: u32; // the number of the workgroup's map
var<private> sums: vec4f; // of four columns of dOut over the rows that the thread has fetched

#each PART
// Columns `column` to `column + 3` of row n of dOut, zero from row `end` on.
fn load_a_PART(column: u32, n: u32, end: u32) -> vec4f {
  let at = n * params.m_PART + column;
  var v = d_out_PART[at / 4];
  if (!VECTOR_A) { v = shifted(v, d_out_PART[at / 4 + 1], at % 4); }
  return select(vec4f(), v, n < end);
}

// The same of x.
fn load_b_PART(column: u32, n: u32, end: u32) -> vec4f {
  let at = n * params.w_PART + column;
  var v = x_PART[at / 4];
  if (!VECTOR_B) { v = shifted(v, x_PART[at / 4 + 1], at % 4); }
  return select(vec4f(), v, n < end);
}
#end

fn block_of_a(column: u32, n: u32, end: u32) -> mat4x4f {
  var v: mat4x4f;
  #each PART
  if (map == PART) {
    v = mat4x4f(load_a_PART(column, n, end), load_a_PART(column, n + 1, end),
      load_a_PART(column, n + 2, end), load_a_PART(column, n + 3, end));
  }
  #end
  sums += v[0] + v[1] + v[2] + v[3];
  return v;
}

fn block_of_b(column: u32, n: u32, end: u32) -> mat4x4f {
  var v: mat4x4f;
  #each PART
  if (map == PART) {
    v = mat4x4f(load_b_PART(column, n, end), load_b_PART(column, n + 1, end),
      load_b_PART(column, n + 2, end), load_b_PART(column, n + 3, end));
  }
  #end
  return v;
}

#each PART
fn store_row_PART(chunk: u32, row: u32, column: u32, v: vec4f) {
  let width = (params.w_PART + 3) / 4;
  if (row < params.m_PART) { d_weight_PART[(chunk * params.m_PART + row) * width + column / 4] = v; }
}
#end

fn store(chunk: u32, row: u32, column: u32, rows: mat4x4f) {
  #each PART
  if (map == PART && column < params.w_PART) {
    store_row_PART(chunk, row, column, rows[0]);
    store_row_PART(chunk, row + 1, column, rows[1]);
    store_row_PART(chunk, row + 2, column, rows[2]);
    store_row_PART(chunk, row + 3, column, rows[3]);
  }
  #end
}

// The sum of a column of dOut, from the four threads that have fetched it.
fn fetched_sum(column: u32) -> f32 {
  let half = column / 4 / THREADS_M;
  let block = column / 4 % THREADS_M;
  let i = column % 4;
  return slab_a[0][half][block][i] + slab_a[1][half][block][i] + slab_a[2][half][block][i] +
    slab_a[3][half][block][i];
}

// A tile of a map's dW.
struct OwnTile {
  map: u32,
  corner: vec2u, // where it begins
}

// The tile with this number among those of all maps.
fn own_tile(number: u32) -> OwnTile {
  var left = number;
  #each PART
  let tiles_PART = tiles_of(params.m_PART, params.w_PART, TILE);
  if (left < tiles_PART.x * tiles_PART.y) {
    return OwnTile(PART, tile_of(left, params.m_PART, params.w_PART, TILE));
  }
  left -= tiles_PART.x * tiles_PART.y;
  #end
  return OwnTile(); // never: there are no more tiles
}

@compute @workgroup_size(THREADS)
fn main(group: Group, @builtin(local_invocation_index) thread: u32) {
  let chunk = group_index(group) / params.tiles;
  let own = own_tile(group_index(group) % params.tiles);
  map = own.map;
  let begin = chunk * params.depth;
  let tile = tile_product(own.corner, begin, min(params.rows, begin + params.depth), thread);
  if (thread < ROWS) {
    let block = thread % (ROWS / 4);
    slab_a[thread / (ROWS / 4)][block / THREADS_M][block % THREADS_M] = sums;
  }
  workgroupBarrier();
  if (begin >= params.rows) { return; } // folding a grid may add a workgroup past the last chunk
  let bottom = tile.row + ROWS / 2;
  let right = tile.column + COLUMNS / 2;
  store(chunk, tile.row, tile.column, tile.top_left);
  if (HALVES == 2) {
    store(chunk, tile.row, right, tile.top_right);
    store(chunk, bottom, tile.column, tile.bottom_left);
    store(chunk, bottom, right, tile.bottom_right);
  }
  let row = own.corner.x + thread;
  if (own.corner.y > 0 || thread >= ROWS) { return; }
  #each PART
  if (map == PART && row < params.m_PART) {
    d_bias_PART[chunk * params.m_PART + row] = fetched_sum(thread);
  }
  #end
}
