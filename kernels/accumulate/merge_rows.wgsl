// Sparse gradients: sums the values of equal ids, and adds summed rows into a dense table.
//
// sum:  out[u, e] (+)= sum over the positions p of id u that belong to this part of
//         coefficient[p - base] * values[(p - base) / group, e]
//       (coefficient 1 unless HAS_COEFFICIENTS); slots without an id get zeros.
// add:  table[unique[u] - base, e] += rows[u, e], for the table's rows from `base` on, `count` of them.
// Shapes: values [n / group, W], coefficients [n], starts [slots + 1], positions [all parts],
//         out and rows [slots, W], table [V, W], W counted in Vecs (vec.ts).
// Dispatch: 1-D over slots * W Vecs, a thread each, folded.
// Determinism: positions in rising order, no atomics.

override HAS_COEFFICIENTS: bool = false;
override FOUR_AT_A_TIME: bool = false;

struct Params {
  slots: u32,
  W: u32,
  base: u32, // first position of the part; add: first row
  count: u32, // positions in the part; add: rows
  group: u32,
  accumulate: u32,
  skip: u32, // positions of an id that earlier launches have summed
  most: u32, // positions of an id that this launch sums
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<Vec>;
@group(0) @binding(3) var<storage, read> coefficients: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<Vec>;

// What a position adds to element e of its id's row: nothing if it is another part's.
fn value_at(position: u32, e: u32) -> Vec {
  let p = position - params.base; // wraps, and is too large, for earlier parts
  let in_part = p < params.count;
  if (!FOUR_AT_A_TIME && !in_part) { return Vec(); }
  let at = select(0, p, in_part); // no branch: several loads are to be under way
  var value = values[(at / params.group) * params.W + e];
  if (HAS_COEFFICIENTS) { value *= coefficients[at]; }
  return select(Vec(), value, in_part);
}

@compute @workgroup_size(64)
fn sum(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let u = i / params.W;
  if (u >= params.slots) { return; }
  let e = i % params.W;
  let begin = starts[u] + params.skip;
  let end = min(starts[u + 1], begin + params.most);
  var total = Vec();
  var s = begin;
  // Four loads at a time keep a GPU busy with a common id; a CPU gains nothing.
  for (; FOUR_AT_A_TIME && s + 4 <= end; s += 4) {
    let first = value_at(positions[s], e);
    let second = value_at(positions[s + 1], e);
    let third = value_at(positions[s + 2], e);
    let fourth = value_at(positions[s + 3], e);
    total += first;
    total += second;
    total += third;
    total += fourth;
  }
  for (; s < end; s++) { total += value_at(positions[s], e); }
  if (params.accumulate == 1) { total += out[i]; }
  out[i] = total;
}

@group(0) @binding(0) var<storage, read> unique: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<Vec>;
@group(0) @binding(2) var<storage, read_write> table: array<Vec>;

@compute @workgroup_size(64)
fn add(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let u = i / params.W;
  if (u >= params.slots) { return; }
  let row = unique[u] - params.base; // wraps, and is too large, for earlier rows; so are slots without an id
  if (row >= params.count) { return; }
  table[row * params.W + i % params.W] += rows[i];
}
