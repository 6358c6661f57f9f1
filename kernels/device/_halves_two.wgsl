// Vec and how its 16-bit floats are packed; here two, for even widths.
//
// A library that kernels on tables are prefixed with, this one or _halves_four.wgsl: see tables.ts. Functions of
// four floats work on two and a rest that is not used.

alias Vec = vec2f;
const VEC = 2u; // floats
alias Stored = u32;

fn unpacked(stored: Stored) -> vec4u { return vec4u(stored & 0xffff, stored >> 16, 0, 0); }
fn packed(half: vec4u) -> Stored { return half.x | (half.y << 16); }

fn vec_of(floats: vec4f) -> Vec { return floats.xy; }
fn four_of(v: Vec) -> vec4f { return vec4f(v, 0.0, 0.0); }
fn vec_sum(v: Vec) -> f32 { return v.x + v.y; }

// Vec `at` of a table is a part of its block of four floats, with this number; and its part of the block's words.
fn block_of(at: u32) -> u32 { return at / 2; }
fn own_words(words: vec4u, at: u32) -> vec4u { return select(words, words.zwxy, at % 2 == 1); }
