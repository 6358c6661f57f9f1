// Philox4x32-10: a counter-based random number generator, the same bits as `philox` in philox.ts.
//
// This file is a library that other kernels are prefixed with; it has no entry point.
// Formula: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
// Determinism: a pure function of (counter, key).

/// High 32 bits of the 64-bit product, from 16-bit halves: WGSL has no wide multiplication.
fn mulhi(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let lh = al * bh;
  let hl = ah * bl;
  let mid = ((al * bl) >> 16u) + (lh & 0xffffu) + (hl & 0xffffu);
  return ah * bh + (lh >> 16u) + (hl >> 16u) + (mid >> 16u);
}

/// Four random words for a counter (index, step, stream, 0) and a key (seed, low word first).
fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let hi0 = mulhi(0xd2511f53u, c.x);
    let hi1 = mulhi(0xcd9e8d57u, c.z);
    c = vec4<u32>(hi1 ^ c.y ^ k.x, 0xcd9e8d57u * c.z, hi0 ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

/// A float in [0, 1) with 24 random bits.
fn unit_float(word: u32) -> f32 {
  return f32(word >> 8u) * 5.9604644775390625e-8;
}
