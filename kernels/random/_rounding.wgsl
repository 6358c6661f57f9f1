// Stochastic rounding of 32-bit floats to 16-bit ones: up with the probability that makes the mean exact.
//
// A library that kernels which write tables are prefixed with, this one or _no_rounding.wgsl: see rounding.ts. It
// follows _philox.wgsl and _halves_stored.wgsl, and adds the random key to the kernel's Params.
// Formula: from 2^-14 on, 13 bits of the fraction are dropped, to which 13 random bits are added before. Below, a
// half is a multiple of 2^-24, and the rest is compared with 24 random bits. Above the largest finite half,
// 65,504, comes 65,536, which is infinity; NaN stays NaN.
// Determinism: a function of the value and of (seed, stream, step, element) alone.

// `v` as it is stored for Vec `at`, counted from the first of the whole table.
fn stored(v: Vec, at: u32) -> Stored {
  let random = own_words(random_words(block_of(at), 1), at); // 0: initial values
  let value = four_of(v);
  let bits = bitcast<vec4u>(value);
  let size = bits & vec4u(0x7fffffff);
  let normal = (size + (random & vec4u(0x1fff)) - vec4u(0x38000000)) >> vec4u(13);
  let finite = select(min(normal, vec4u(0x7c00)), vec4u(0x7e00), size > vec4u(0x7f800000));
  let multiple = abs(value) * 16777216.0;
  let rest = multiple - floor(multiple);
  let up = vec4f(random >> vec4u(8)) * 5.9604644775390625e-8 < rest;
  let small = vec4u(multiple) + select(vec4u(), vec4u(1), up);
  let half = select(finite, small, size < vec4u(0x38800000));
  return packed(half | ((bits >> vec4u(16)) & vec4u(0x8000)));
}
