// Sums over the rows of a matrix, a chunk of rows at a time.
//
// columns: sums[c, m] = sum of a[r, m] over the rows r of chunk c (chunk rows each).
// Shapes: a [n, width], sums [ceil(n / chunk), width]; width counted in Vecs (vec.ts).
// Dispatch: 1-D over ceil(n / chunk) * width, folded.
// Determinism: rows in order.

struct Params {
  n: u32,
  width: u32,
  chunk: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> a: array<Vec>;
@group(0) @binding(1) var<storage, read_write> sums: array<Vec>;

@compute @workgroup_size(64)
fn columns(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let width = params.width;
  let begin = i / width * params.chunk;
  if (begin >= params.n) { return; }
  let end = min(begin + params.chunk, params.n) * width;
  var sum = Vec();
  var at = begin * width + i % width;
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
  sums[i] = sum;
}
