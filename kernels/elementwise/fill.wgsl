// Fills a tensor from one number, or from random numbers.
//
// scalar:  out[i] = value[0] * weight[i] (weight 1 unless WEIGHTED).
// uniform_random: out[i] = low + (high - low) * u[i], u uniform in [0, 1), four elements a thread.
// Shapes: value [1], weight and out [n].
// Dispatch: 1-D over n (scalar) or ceil(n / 4) (uniform_random) threads, folded.
// Determinism: a function of the inputs, or of (seed, stream, step, 4 block + i) alone.

override WEIGHTED: bool = false;

struct Params {
  n: u32,
  block: u32, // number of the first block of four
  low: f32,
  high: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> value: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn scalar(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n) { return; }
  if (WEIGHTED) { out[i] = value[0] * weight[i]; } else { out[i] = value[0]; }
}

@group(0) @binding(0) var<storage, read_write> drawn: array<f32>;

@compute @workgroup_size(64)
fn uniform_random(group: Group, @builtin(local_invocation_index) local: u32) {
  let block = thread_index(group, local);
  if (block * 4 >= params.n) { return; }
  let words = random_words(params.block + block, 0);
  for (var word = 0u; word < 4; word++) {
    let i = block * 4 + word;
    if (i < params.n) {
      drawn[i] = params.low + (params.high - params.low) * unit_float(words[word]);
    }
  }
}
