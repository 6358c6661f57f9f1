// What a table stores for a Vec: here a pair of 16-bit floats for each two of its 32-bit ones.
//
// A library that kernels on tables are prefixed with, this one or _floats_stored.wgsl: see tables.ts. It follows
// _halves_four.wgsl or _halves_two.wgsl. A half is (1 + m / 1024) 2^(e - 15), or m 2^-24 where e is 0, infinity or
// NaN where it is 31. Every half is exact in 32 bits. `unpack2x16float` may give 0 for those below 2^-14.

fn loaded(stored: Stored) -> Vec {
  let half = unpacked(stored);
  let exponent = half & vec4u(0x7c00);
  let offset = select(vec4u(0x38000000), vec4u(0x70000000), exponent == vec4u(0x7c00));
  let normal = ((half & vec4u(0x7fff)) << vec4u(13)) + offset;
  let small = bitcast<vec4u>(vec4f(half & vec4u(0x3ff)) * 5.9604644775390625e-8);
  let sign = (half & vec4u(0x8000)) << vec4u(16);
  return vec_of(bitcast<vec4f>(select(normal, small, exponent == vec4u()) | sign));
}
