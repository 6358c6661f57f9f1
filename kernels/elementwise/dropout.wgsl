// Dropout: out[i] = x[i] / (1 - p) with probability 1 - p, else 0; four elements a thread.
//
// The same kernel turns the output's gradient into the input's: the mask comes from the counter.
// Shapes: x and out [n]. Dispatch: 1-D over ceil(n / 4) threads, folded.
// Determinism: the mask is a function of (seed, stream, step, 4 block + i) alone.

struct Params {
  n: u32,
  block: u32, // number of the first block of four
  p: f32,
  seed_lo: u32,
  seed_hi: u32,
  stream: u32,
  step: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let block = thread_index(group, local);
  if (block * 4 >= params.n) { return; }
  let words = philox(vec4u(params.block + block, params.step, params.stream, 0),
    vec2u(params.seed_lo, params.seed_hi));
  let u = vec4f(unit_float(words.x), unit_float(words.y), unit_float(words.z), unit_float(words.w));
  let kept = x[block] * (1.0 / (1.0 - params.p));
  out[block] = select(vec4f(0.0), kept, u >= vec4f(params.p));
}
