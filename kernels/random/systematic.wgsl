// Systematic sampling: K different ids, each with exactly its inclusion probability.
//
// Formula: sample j is the class whose stretch of the cumulative inclusion probabilities covers j + u,
//          with one u uniform in [0, 1) for all samples.
// Shapes: cumulative [V] of (whole part, fraction in units of 2^-32), up to and with each class; out [K].
// Dispatch: 1-D over K threads, folded. Determinism: a function of (seed, stream, step) alone; integers.
// Source: Madow, "On the theory of systematic sampling, II", Annals of Mathematical Statistics 1949.

struct Params {
  K: u32,
  V: u32,
  seed_lo: u32,
  seed_hi: u32,
  stream: u32,
  step: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> cumulative: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let j = thread_index(group, local);
  if (j >= params.K) { return; }
  let u = philox(vec4u(0, params.step, params.stream, 0), vec2u(params.seed_lo, params.seed_hi)).x;
  // The first class whose cumulative probability is above j + u.
  var low = 0u;
  var high = params.V - 1;
  while (low < high) {
    let middle = (low + high) / 2;
    let c = cumulative[middle];
    if (c.x > j || (c.x == j && c.y > u)) { high = middle; } else { low = middle + 1; }
  }
  out[j] = low;
}
