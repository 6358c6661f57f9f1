// Systematic sampling: K different ids, each with exactly its inclusion probability.
//
// Formula: sample j is the class whose stretch of the cumulative inclusion probabilities covers j + u,
//          with one u uniform in [0, 1) for all samples.
// Shapes: cumulative [V] of (whole part, fraction in units of 2^-32), up to and with each class, in parts of
//         `rows`, of which those of the classes from `first` to `end` are bound; out [K]. A sample that comes
//         after these is left as it is, and one that comes before them is wrong until its parts are bound.
// Dispatch: 1-D over K threads, folded. Determinism: a function of (seed, stream, step) alone; integers.
// Source: Madow, "On the theory of systematic sampling, II", Annals of Mathematical Statistics 1949.

struct Params {
  K: u32,
  V: u32,
  first: u32,
  end: u32,
  rows: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(PART) var<storage, read> cumulative_PART: array<vec2u>;
@group(0) @binding(PARTS) var<storage, read_write> out: array<u32>;

fn cumulative(class_id: u32) -> vec2u {
  let row = class_id - params.first;
  if (row - PART * params.rows < params.rows) { return cumulative_PART[row - PART * params.rows]; }
  return vec2u();
}

// Whether the cumulative probability of a class is above j + u.
fn is_above(class_id: u32, j: u32, u: u32) -> bool {
  let c = cumulative(class_id);
  return c.x > j || (c.x == j && c.y > u);
}

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let j = thread_index(group, local);
  if (j >= params.K) { return; }
  let u = random_words(0, 0).x;
  if (params.end < params.V && !is_above(params.end - 1, j, u)) { return; }
  // The first class that is above.
  var low = params.first;
  var high = params.end - 1;
  while (low < high) {
    let middle = (low + high) / 2;
    if (is_above(middle, j, u)) { high = middle; } else { low = middle + 1; }
  }
  out[j] = low;
}
