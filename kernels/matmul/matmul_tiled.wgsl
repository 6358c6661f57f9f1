// Matrix product for GPUs: tiles in workgroup memory, 8 x 8 elements in each thread's registers.
//
// See _matmul.wgsl for the operands.
// Dispatch: 1-D over ceil(m / TILE) * ceil(n / TILE) * ceil(k / depth) workgroups, folded. Where depth
// is less than k (a multiple of TILE / 8), C is [ceil(k / depth), m, n]: partial products over depth
// steps of k each, which the entry point `combine` then adds up:
// combine: partials [parts, m, n] (parts in the uniform's k), sum_bias [n], sum [m, n] = (sum +) bias
// + partials in order. Dispatch: 1-D over ceil(m * n / 64) workgroups, folded.
// Determinism: each element is summed by one thread over k in order, then over the parts in order.

override TILE: u32 = 64;
override SLAB: u32 = TILE / 8;
override THREADS: u32 = SLAB * SLAB;
@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read> sum_bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;

// SLAB steps of k by TILE rows of A, and by TILE columns of B. The vec4 of four rows (columns)
// 4 block.. at step s is at [s * TILE / 4 + (block ^ swizzle(s))]: without the swizzle, threads that
// store blocks of different steps would meet in the same memory banks.
var<workgroup> slab_a: array<vec4f, SLAB * TILE / 4>;
var<workgroup> slab_b: array<vec4f, SLAB * TILE / 4>;

fn swizzle(s: u32) -> u32 {
  return s / 4 * (32 / SLAB);
}

// Four rows of A or four columns of B (the components) by four steps of k (the matrix's columns).
fn load_block(is_b: bool, first: u32, k: u32, end: u32) -> mat4x4f {
  if (is_b) {
    let v = mat4x4f(load_b(first, k, 0, end), load_b(first, k, 1, end), load_b(first, k, 2, end),
      load_b(first, k, 3, end));
    if (TRANSPOSE_B) { return transpose(v); }
    return v;
  }
  let v = mat4x4f(load_a(first, k, 0, end), load_a(first, k, 1, end), load_a(first, k, 2, end),
    load_a(first, k, 3, end));
  if (TRANSPOSE_A) { return v; }
  return transpose(v);
}

// c + the outer product of four rows and four columns.
fn add_outer(c: mat4x4f, x: vec4f, y: vec4f) -> mat4x4f {
  return mat4x4f(fma(vec4f(x.x), y, c[0]), fma(vec4f(x.y), y, c[1]), fma(vec4f(x.z), y, c[2]),
    fma(vec4f(x.w), y, c[3]));
}

// What a thread owns: rows `row` + {0..3} (top) and + TILE / 2 (bottom), columns likewise.
struct Tile {
  row: u32,
  column: u32,
  start: u32,
  top_left: mat4x4f,
  top_right: mat4x4f,
  bottom_left: mat4x4f,
  bottom_right: mat4x4f,
}

// One step of k: the outer product of 8 rows and 8 columns.
fn add_step(tile: ptr<function, Tile>, from_a: u32, from_b: u32) {
  let top = slab_a[from_a];
  let bottom = slab_a[from_a + SLAB];
  let left = slab_b[from_b];
  let right = slab_b[from_b + SLAB];
  (*tile).top_left = add_outer((*tile).top_left, top, left);
  (*tile).top_right = add_outer((*tile).top_right, top, right);
  (*tile).bottom_left = add_outer((*tile).bottom_left, bottom, left);
  (*tile).bottom_right = add_outer((*tile).bottom_right, bottom, right);
}

fn product(group: u32, thread: u32) -> Tile {
  let tiles_n = (params.n + TILE - 1) / TILE;
  let tiles = tiles_n * ((params.m + TILE - 1) / TILE);
  let part = group / tiles;
  let tile_row = group % tiles / tiles_n * TILE;
  let tile_column = group % tiles_n * TILE;
  let x = thread % SLAB;
  let y = thread / SLAB;
  var tile: Tile;
  let begin = part * params.depth;
  let end = min(params.k, begin + params.depth);
  // Folding a grid may add a workgroup past the last part: it stores nothing.
  tile.row = select(tile_row + 4 * y, params.m, begin >= params.k);
  tile.column = tile_column + 4 * x;
  tile.start = part * params.m * params.n;

  // The first half of the threads fetches A, the second half B, a block of 4 x 4 each.
  let is_b = thread >= THREADS / 2;
  let fetched = thread % (THREADS / 2);
  let block = fetched / (SLAB / 4);
  let step = fetched % (SLAB / 4) * 4;
  let first = select(tile_row, tile_column, is_b) + 4 * block;
  let at = step * (TILE / 4) + (block ^ swizzle(step));

  var next = load_block(is_b, first, begin + step, end);
  for (var k = begin; k < end; k += SLAB) {
    if (is_b) {
      slab_b[at] = next[0];
      slab_b[at + TILE / 4] = next[1];
      slab_b[at + TILE / 2] = next[2];
      slab_b[at + TILE / 4 * 3] = next[3];
    } else {
      slab_a[at] = next[0];
      slab_a[at + TILE / 4] = next[1];
      slab_a[at + TILE / 2] = next[2];
      slab_a[at + TILE / 4 * 3] = next[3];
    }
    workgroupBarrier();
    // The next slab travels from memory while this one is multiplied.
    next = load_block(is_b, first, k + SLAB + step, end);
    for (var s = 0u; s < SLAB; s += 4) {
      let from_a = s * (TILE / 4) + (y ^ swizzle(s));
      let from_b = s * (TILE / 4) + (x ^ swizzle(s));
      add_step(&tile, from_a, from_b);
      add_step(&tile, from_a + TILE / 4, from_b + TILE / 4);
      add_step(&tile, from_a + TILE / 2, from_b + TILE / 2);
      add_step(&tile, from_a + TILE / 4 * 3, from_b + TILE / 4 * 3);
    }
    workgroupBarrier();
  }
  return tile;
}

@compute @workgroup_size(THREADS)
fn vectors(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32) {
  let tile = product(id.x + id.y * groups.x, thread);
  let bottom = tile.row + TILE / 2;
  let right = tile.column + TILE / 2;
  store_vectors(tile.start, tile.row, tile.column, tile.top_left);
  store_vectors(tile.start, tile.row, right, tile.top_right);
  store_vectors(tile.start, bottom, tile.column, tile.bottom_left);
  store_vectors(tile.start, bottom, right, tile.bottom_right);
}

@compute @workgroup_size(THREADS)
fn scalars(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32) {
  let tile = product(id.x + id.y * groups.x, thread);
  let bottom = tile.row + TILE / 2;
  let right = tile.column + TILE / 2;
  store_scalars(tile.start, tile.row, tile.column, tile.top_left);
  store_scalars(tile.start, tile.row, right, tile.top_right);
  store_scalars(tile.start, bottom, tile.column, tile.bottom_left);
  store_scalars(tile.start, bottom, right, tile.bottom_right);
}

@compute @workgroup_size(64)
fn combine(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32) {
  let size = params.m * params.n;
  let at = (id.x + id.y * groups.x) * 64 + thread;
  if (at >= size) { return; }
  var total = 0.0;
  if (ACCUMULATE) { total = sum[at]; }
  if (params.bias != 0) { total += sum_bias[at % params.n]; }
  for (var part = 0u; part < params.k; part++) { total += partials[part * size + at]; }
  sum[at] = total;
}
