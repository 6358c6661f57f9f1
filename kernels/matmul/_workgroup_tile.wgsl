// A tile of a matrix product for GPUs, from workgroup memory, with 8 x 8 or 4 x 4 elements in a thread's registers.
//
// A library that a kernel is prefixed with, after ROWS and COLUMNS, those of a tile, and HALVES: 2 where a
// thread owns rows and columns of both halves of the tile, with ROWS and COLUMNS of 64 or 128; 1 where the tile
// has no halves, with 32. The kernel says what is multiplied, op(A) [m, k] and op(B) [k, n]:
// - TRANSPOSE_A, TRANSPOSE_B: whether the operand is stored as [k, m], or as [n, k].
// - block_of_a(row, k, end): four rows of op(A) (the components) by four steps of k (the matrix's columns).
// - block_of_b(column, k, end): four columns of op(B) by four steps of k.
// Both are zero from step `end` on; past the last row or column they may be any numbers. A workgroup asks
// for each block of its tile once.
// Determinism: each element is summed by one thread over k in order.

const TILE = vec2u(ROWS, COLUMNS);
const SLAB = 16; // steps of k that are in workgroup memory at a time
const THREADS_M = ROWS / HALVES / 4;
const THREADS_N = COLUMNS / HALVES / 4;
const THREADS = THREADS_M * THREADS_N;

// SLAB steps of k by all halves of a tile's rows of A, and of its columns of B. The vec4 of four rows
// (columns) 4 block.. of a half at step s is at [s][half][block ^ swizzle(s)]: without the swizzle, threads
// that store blocks of different steps would meet in the same memory banks. With an index for each
// dimension, the bounds checks of Deno's compiler are the same at all steps.
var<workgroup> slab_a: array<array<array<vec4f, THREADS_M>, HALVES>, SLAB>;
var<workgroup> slab_b: array<array<array<vec4f, THREADS_N>, HALVES>, SLAB>;

fn swizzle(s: u32) -> u32 { return s / 4 * 2; }

// The block, of `blocks`, and the step that the thread fetches; neighbours take what lies side by side
// in memory.
fn fetched(thread: u32, blocks: u32, along_k: bool) -> vec2u {
  return select(vec2u(thread % blocks, thread / blocks * 4), vec2u(thread / 4, thread % 4 * 4), along_k);
}

// c + the outer product of four rows and four columns.
fn add_outer(c: mat4x4f, x: vec4f, y: vec4f) -> mat4x4f {
  return mat4x4f(fma(vec4f(x.x), y, c[0]), fma(vec4f(x.y), y, c[1]), fma(vec4f(x.z), y, c[2]),
    fma(vec4f(x.w), y, c[3]));
}

// What a thread owns: rows `row` + {0..3} (top) and + ROWS / 2 (bottom), columns likewise. Without halves it
// owns the top left alone.
struct Tile {
  row: u32,
  column: u32,
  start: u32, // where the workgroup's C begins; the kernel sets it
  top_left: mat4x4f,
  top_right: mat4x4f,
  bottom_left: mat4x4f,
  bottom_right: mat4x4f,
}

// Step s of the slab: the outer product of a thread's rows and columns.
fn add_step(tile: ptr<function, Tile>, s: u32, x: u32, y: u32) {
  let top = slab_a[s][0][y ^ swizzle(s)];
  let left = slab_b[s][0][x ^ swizzle(s)];
  (*tile).top_left = add_outer((*tile).top_left, top, left);
  if (HALVES == 1) { return; }
  let bottom = slab_a[s][HALVES - 1][y ^ swizzle(s)];
  let right = slab_b[s][HALVES - 1][x ^ swizzle(s)];
  (*tile).top_right = add_outer((*tile).top_right, top, right);
  (*tile).bottom_left = add_outer((*tile).bottom_left, bottom, left);
  (*tile).bottom_right = add_outer((*tile).bottom_right, bottom, right);
}

// Four steps, written out: compilers do not unroll loops as WGSL bounds them.
fn add_steps(tile: ptr<function, Tile>, s: u32, x: u32, y: u32) {
  add_step(tile, s, x, y);
  add_step(tile, s + 1, x, y);
  add_step(tile, s + 2, x, y);
  add_step(tile, s + 3, x, y);
}

// The tile that begins at `corner`, summed over the steps of k from `begin` to `end`.
fn tile_product(corner: vec2u, begin: u32, end: u32, thread: u32) -> Tile {
  let x = thread % THREADS_N;
  let y = thread / THREADS_N;
  var tile: Tile;
  tile.row = corner.x + 4 * y;
  tile.column = corner.y + 4 * x;

  // The first threads fetch A, a block for each row of the tile, the last ones B.
  let of_a = fetched(thread, ROWS / 4, !TRANSPOSE_A);
  let of_b = fetched(thread - (THREADS - COLUMNS), COLUMNS / 4, TRANSPOSE_B);
  let fetches_a = thread < ROWS;
  let fetches_b = thread >= THREADS - COLUMNS;
  let row = corner.x + 4 * of_a.x;
  let column = corner.y + 4 * of_b.x;
  let half_a = of_a.x / THREADS_M;
  let half_b = of_b.x / THREADS_N;
  let to_a = (of_a.x % THREADS_M) ^ swizzle(of_a.y);
  let to_b = (of_b.x % THREADS_N) ^ swizzle(of_b.y);
  var next_a: mat4x4f;
  var next_b: mat4x4f;
  if (fetches_a) { next_a = block_of_a(row, begin + of_a.y, end); }
  if (fetches_b) { next_b = block_of_b(column, begin + of_b.y, end); }
  for (var k = begin; k < end; k += SLAB) {
    if (fetches_a) {
      slab_a[of_a.y][half_a][to_a] = next_a[0];
      slab_a[of_a.y + 1][half_a][to_a] = next_a[1];
      slab_a[of_a.y + 2][half_a][to_a] = next_a[2];
      slab_a[of_a.y + 3][half_a][to_a] = next_a[3];
    }
    if (fetches_b) {
      slab_b[of_b.y][half_b][to_b] = next_b[0];
      slab_b[of_b.y + 1][half_b][to_b] = next_b[1];
      slab_b[of_b.y + 2][half_b][to_b] = next_b[2];
      slab_b[of_b.y + 3][half_b][to_b] = next_b[3];
    }
    workgroupBarrier();
    // The next slab travels from memory while this one is multiplied.
    if (fetches_a) { next_a = block_of_a(row, k + SLAB + of_a.y, end); }
    if (fetches_b) { next_b = block_of_b(column, k + SLAB + of_b.y, end); }
    add_steps(&tile, 0, x, y);
    add_steps(&tile, 4, x, y);
    add_steps(&tile, 8, x, y);
    add_steps(&tile, 12, x, y);
    workgroupBarrier();
  }
  return tile;
}
