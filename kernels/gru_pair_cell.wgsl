// What the GRU pair kernels share: sizes, the GRU cell of four pairs at once, and dropout masks.
//
// A pair is a context (the state h after some words) and a candidate next word. Its score is
//   bias + sum over units j of weight[j] * m[j] * h'[j],  h' = (1 - z) n + z h,
//   r, z = sigmoid(word + state),  n = tanh(word + r * state),
// where `word` is W_ih x + b_ih of the word and `state` W_hh h + b_hh of the context: each is computed
// once for its word or context, and a pair costs O(H). m is the dropout mask, never stored.
// This file is a library that gru_pair.wgsl and gru_own_pair.wgsl are prefixed with; no entry point.
// Gate order r, z, n (PyTorch's).

override DROPOUT: bool = false;

struct Params {
  rows: u32, // N contexts
  count: u32, // K words, shared by all contexts or of each
  size: u32, // H
  first: u32, // number of the first word, where the words are a part of all
  row_chunk: u32, // contexts that a thread of the backward pass takes, a multiple of 8
  word_chunk: u32, // words that it takes
  threshold: u32, // of 2^16: a unit is dropped if 16 random bits are below
  keep_scale: f32, // factor of the units that are kept
  seed_lo: u32,
  seed_hi: u32,
  stream: u32,
  step: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

const TWO_LOG2_E = 2.8853900817779268;
// exp() of this is finite, and its inverse no denormal number.
const LARGEST = 87.0;

/// Eight pairs: eight contexts of one word, or eight words of one context.
struct Octet {
  lo: vec4<f32>,
  hi: vec4<f32>,
}

/// exp(-x), to be multiplied by another such: sigmoid(x + y) = 1 / (1 + half_exp(x) half_exp(y)).
fn half_exp(x: vec4<f32>) -> vec4<f32> {
  return exp(clamp(-x, vec4<f32>(-LARGEST), vec4<f32>(LARGEST)));
}

struct Cell {
  r: vec4<f32>,
  z: vec4<f32>,
  n: vec4<f32>,
  hidden: vec4<f32>, // h'
}

/// The cell from exp(-.) of the gates r and z before activation, and the two parts of n's, which are
/// multiplied by 2 log2(e) so that tanh(x) = 1 - 2 / (1 + exp2(.)).
fn cell(exp_r: vec4<f32>, exp_z: vec4<f32>, word_n: vec4<f32>, state_n: vec4<f32>, h: vec4<f32>)
    -> Cell {
  let r = 1.0 / (1.0 + exp_r);
  let z = 1.0 / (1.0 + exp_z);
  let n = 1.0 - 2.0 / (1.0 + exp2(fma(r, state_n, word_n)));
  return Cell(r, z, n, fma(z, h - n, n));
}

struct CellGradient {
  r: vec4<f32>, // with respect to the gates before activation
  z: vec4<f32>,
  n: vec4<f32>, // the word's part; the state's is r times as much
  h: vec4<f32>,
}

fn cell_backward(c: Cell, state_n: vec4<f32>, h: vec4<f32>, dhidden: vec4<f32>) -> CellGradient {
  let dh = dhidden * c.z;
  let dn = (dhidden - dh) * (1.0 - c.n * c.n);
  let dz = dh * (h - c.n) * (1.0 - c.z);
  let dr = dn * (state_n / TWO_LOG2_E) * c.r * (1.0 - c.r);
  return CellGradient(dr, dz, dn, dh);
}

/// Factors of unit `unit` in eight pairs: 0 or keep_scale, 16 random bits each.
fn mask(octet: u32, item: u32, unit: u32) -> Octet {
  let words = philox(vec4<u32>(octet, params.step, params.stream, item * params.size + unit),
                     vec2<u32>(params.seed_lo, params.seed_hi));
  let zero = vec4<f32>(0.0);
  let kept = vec4<f32>(params.keep_scale);
  let threshold = vec4<u32>(params.threshold);
  return Octet(select(kept, zero, (words & vec4<u32>(0xffffu)) < threshold),
               select(kept, zero, (words >> vec4<u32>(16u)) < threshold));
}
