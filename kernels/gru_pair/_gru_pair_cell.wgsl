// What the GRU pair kernels share: sizes, the GRU cell of four pairs at once, and dropout masks.
//
// A pair is a context (the state h after some words) and a candidate for the next word; its score is
//   bias + sum over units j of weight[j] m[j] h'[j],
//   h' = (1 - z) n + z h;  r, z = sigmoid(word + state);  n = tanh(word + r state).
// `word` is W_ih x + b_ih of the candidate, computed once for all contexts, `state` is W_hh h + b_hh of
// the context, computed once for all candidates: a pair costs O(H). m is a dropout mask, drawn anew in
// the backward pass and never stored. Gate order r, z, n (PyTorch's).
// This file is a library that gru_pair.wgsl and gru_own_pair.wgsl are prefixed with; no entry point.
// Source of the cell: Cho et al. 2014, in the form of PyTorch's `nn.GRU`.

override DROPOUT: bool = false;

struct Params {
  N: u32, // contexts
  K: u32, // candidates: shared by all contexts, or of each
  H: u32,
  first: u32, // number of the first candidate, if they are a part of many
  context_first: u32, // gradients: the first context,
  context_chunk: u32, // contexts that a thread takes,
  word_first: u32, // the first candidate,
  word_chunk: u32, // candidates that a thread takes
  add_words: u32, // whether to add to what dwords holds,
  add_states: u32, // dgates and dhidden,
  add_weight: u32, // dweight
  threshold: u32, // a unit is dropped if its 16 random bits are below
  keep_scale: f32, // what the others are multiplied by
}
@group(1) @binding(0) var<uniform> params: Params;

const TWO_LOG2_E = 2.8853900817779268;
const LARGEST = 87.0; // its exp() is finite, and the inverse is not denormal

// Values of eight pairs: of a candidate in eight contexts, or of eight candidates in a context.
struct Octet {
  lo: vec4f,
  hi: vec4f,
}

// Half of a gate: sigmoid(x + y) = 1 / (1 + half_gate(x) half_gate(y)), so that a pair needs no exp.
// Exact for halves within +-87; a gate whose halves are beyond that and cancel would be wrong.
fn half_gate(x: vec4f) -> vec4f {
  return exp(clamp(-x, vec4f(-LARGEST), vec4f(LARGEST)));
}

struct Cell {
  r: vec4f,
  z: vec4f,
  n: vec4f,
  hidden: vec4f, // h'
}

// The cell from the products of the halves of r and z, and the parts of n times 2 log2(e):
// tanh(x) = 1 - 2 / (1 + exp2(2 log2(e) x)).
fn cell_of(half_r: vec4f, half_z: vec4f, word_n: vec4f, state_n: vec4f, h: vec4f) -> Cell {
  let r = 1.0 / (1.0 + half_r);
  let z = 1.0 / (1.0 + half_z);
  let n = 1.0 - 2.0 / (1.0 + exp2(fma(r, state_n, word_n)));
  return Cell(r, z, n, fma(z, h - n, n));
}

// The derivatives with respect to the gates before activation, and h.
struct CellGradient {
  r: vec4f,
  z: vec4f,
  word_n: vec4f,
  state_n: vec4f,
  h: vec4f,
}

fn cell_backward(c: Cell, state_n: vec4f, h: vec4f, dhidden: vec4f) -> CellGradient {
  let dh = dhidden * c.z;
  let dn = (dhidden - dh) * (1.0 - c.n * c.n);
  let dz = dh * (h - c.n) * (1.0 - c.z);
  let dr = dn * (state_n / TWO_LOG2_E) * c.r * (1.0 - c.r);
  return CellGradient(dr, dz, dn, dn * c.r, dh);
}

fn add_gradients(a: CellGradient, b: CellGradient) -> CellGradient {
  return CellGradient(a.r + b.r, a.z + b.z, a.word_n + b.word_n, a.state_n + b.state_n, a.h + b.h);
}

fn total(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }

// Random bits of a unit: 16 for each of eight pairs, first the lower halves of the words, then the upper ones.
fn mask_bits(octet: u32, item: u32, unit: u32) -> vec4u {
  return random_words(octet, item * params.H + unit);
}

fn factors(bits: vec4u) -> vec4f {
  return select(vec4f(params.keep_scale), vec4f(0.0), bits < vec4u(params.threshold));
}

// Factors of a unit in eight pairs: 0 if it is dropped, else keep_scale.
fn mask(octet: u32, item: u32, unit: u32) -> Octet {
  let bits = mask_bits(octet, item, unit);
  return Octet(factors(bits & vec4u(0xffff)), factors(bits >> vec4u(16)));
}

// The bits of a unit in a pair with context n of the part.
fn context_bits(n: u32, item: u32, unit: u32) -> u32 {
  let row = whole_row(n);
  return (mask_bits(row / 8, item, unit)[row % 4] >> (row / 4 % 2 * 16)) & 0xffff;
}

// The bits of the contexts from n on.
fn four_bits(n: u32, item: u32, unit: u32) -> vec4u {
  return vec4u(context_bits(n, item, unit), context_bits(n + 1, item, unit),
    context_bits(n + 2, item, unit), context_bits(n + 3, item, unit));
}

// The mask of a candidate in an octet of the part's contexts.
fn mask_of_contexts(octet: u32, item: u32, unit: u32) -> Octet {
  if (!RANKED) { return mask(octet, item, unit); }
  let n = octet * 8;
  return Octet(factors(four_bits(n, item, unit)), factors(four_bits(n + 4, item, unit)));
}
