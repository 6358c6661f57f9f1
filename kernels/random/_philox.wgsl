// Philox4x32-10: a counter-based random number generator, the same bits as `philox` in philox.ts.
//
// A library that kernels which draw are prefixed with: see withRandom in philox.ts, which adds seed_lo, seed_hi,
// stream and step to their Params.
// Formula: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
// Determinism: a pure function of (counter, key).

// High 32 bits of the 64-bit product, from 16-bit halves: WGSL has no wide multiplication.
fn mulhi(a: u32, b: u32) -> u32 {
  let al = a & 0xffff;
  let ah = a >> 16;
  let bl = b & 0xffff;
  let bh = b >> 16;
  let lh = al * bh;
  let hl = ah * bl;
  let mid = ((al * bl) >> 16) + (lh & 0xffff) + (hl & 0xffff);
  return ah * bh + (lh >> 16) + (hl >> 16) + (mid >> 16);
}

// Four random words for a counter (index, step, stream, draw) and a key (seed, low word first).
fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10; round++) {
    let hi0 = mulhi(0xd2511f53, c.x);
    let hi1 = mulhi(0xcd9e8d57, c.z);
    c = vec4u(hi1 ^ c.y ^ k.x, 0xcd9e8d57 * c.z, hi0 ^ c.w ^ k.y, 0xd2511f53 * c.x);
    k += vec2u(0x9e3779b9, 0xbb67ae85);
  }
  return c;
}

// Four random words of the stream in this step; `draw` tells apart what is drawn for one index.
fn random_words(index: u32, draw: u32) -> vec4u {
  return philox(vec4u(index, params.step, params.stream, draw), vec2u(params.seed_lo, params.seed_hi));
}

// A float in [0, 1) with 24 random bits.
fn unit_float(word: u32) -> f32 {
  return f32(word >> 8) * 5.9604644775390625e-8;
}
