// Sums over the rows of a matrix, a chunk of rows at a time.
//
// columns: sums[c, m] = sum of a[r, m] over the rows r of chunk c (chunk rows each).
// Shapes: a [n, width], sums [ceil(n / chunk), width]; width counted in Vecs (vec.ts).
// Dispatch: 1-D over ceil(n / chunk) * ceil(width / COLUMNS) workgroups, folded. A thread sums a slice of a
// chunk's rows in one column.
// Determinism: rows in order within a slice, then slice by slice.

override COLUMNS: u32 = 64;
override SLICES: u32 = 1;
override THREADS: u32 = COLUMNS * SLICES;

struct Params {
  n: u32,
  width: u32,
  chunk: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> a: array<Vec>;
@group(0) @binding(1) var<storage, read_write> sums: array<Vec>;

var<workgroup> slices: array<Vec, THREADS>;

@compute @workgroup_size(THREADS)
fn columns(group: Group, @builtin(local_invocation_index) local: u32) {
  let width = params.width;
  let blocks = (width + COLUMNS - 1) / COLUMNS;
  let chunk = group_index(group) / blocks;
  let column = group_index(group) % blocks * COLUMNS + local % COLUMNS;
  let slice = (params.chunk + SLICES - 1) / SLICES; // rows of a thread
  let begin = chunk * params.chunk + local / COLUMNS * slice;
  let end = min(min(begin + slice, (chunk + 1) * params.chunk), params.n) * width;
  var sum = Vec(0);
  var at = begin * width + column;
  if (column >= width) { at = end; }
  for (; at + 3 * width < end; at += 4 * width) { // loads of four at a time
    let first = a[at];
    let second = a[at + width];
    let third = a[at + 2 * width];
    let fourth = a[at + 3 * width];
    sum += first;
    sum += second;
    sum += third;
    sum += fourth;
  }
  for (; at < end; at += width) { sum += a[at]; }
  slices[local] = sum;
  workgroupBarrier();
  if (local >= COLUMNS || column >= width || chunk * params.chunk >= params.n) { return; }
  for (var s = 1u; s < SLICES; s++) { sum += slices[s * COLUMNS + local]; }
  sums[chunk * width + column] = sum;
}
