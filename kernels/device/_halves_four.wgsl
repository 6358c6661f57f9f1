// Vec and how its 16-bit floats are packed; here four, for widths of a multiple of four.
//
// A library that kernels on tables are prefixed with, this one or _halves_two.wgsl: see tables.ts.

alias Vec = vec4f;
const VEC = 4u; // floats
alias Stored = vec2u;

fn unpacked(stored: Stored) -> vec4u {
  return vec4u(stored.x & 0xffff, stored.x >> 16, stored.y & 0xffff, stored.y >> 16);
}
fn packed(half: vec4u) -> Stored { return half.xz | (half.yw << vec2u(16)); }

fn vec_of(floats: vec4f) -> Vec { return floats; }
fn four_of(v: Vec) -> vec4f { return v; }
fn vec_sum(v: Vec) -> f32 { return (v.x + v.y) + (v.z + v.w); }

// Vec `at` of a table is a part of its block of four floats, with this number; and its part of the block's words.
fn block_of(at: u32) -> u32 { return at; }
fn own_words(words: vec4u, at: u32) -> vec4u { return words; }
