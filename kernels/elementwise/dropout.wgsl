// Dropout: out[i] = x[i] / (1 - p) with probability 1 - p, else 0; four elements a thread.
//
// The same kernel turns the output's gradient into the input's: the mask comes from the counter.
// Shapes: x and out [n]. Dispatch: 1-D over ceil(n / 4) threads, folded.
// Determinism: the mask is a function of (seed, stream, step, place of 4 block + i in the whole batch) alone.

struct Params {
  n: u32,
  block: u32, // number of the first block of four
  p: f32,
  W: u32, // elements of a row
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;

// The place of element i in the whole batch.
fn place_of(i: u32) -> u32 { return whole_row(i / params.W) * params.W + i % params.W; }

fn word_of(i: u32) -> u32 {
  let place = place_of(i);
  return random_words(place / 4, 0)[place % 4];
}

// The random words of a block of four elements.
fn words_at(block: u32) -> vec4u {
  if (!RANKED) { return random_words(block, 0); }
  let i = 4 * block;
  if (params.W % 4 == 0) { return random_words(place_of(i) / 4, 0); }
  return vec4u(word_of(i), word_of(i + 1), word_of(i + 2), word_of(i + 3));
}

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let block = thread_index(group, local);
  if (block * 4 >= params.n) { return; }
  let words = words_at(params.block + block);
  let u = vec4f(unit_float(words.x), unit_float(words.y), unit_float(words.z), unit_float(words.w));
  let kept = x[block] * (1.0 / (1.0 - params.p));
  out[block] = select(vec4f(0.0), kept, u >= vec4f(params.p));
}
