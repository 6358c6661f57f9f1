// Vec: the floats of a row that a thread handles at a time; here one, for any width.
//
// A library that kernels are prefixed with, this one or _vec_four.wgsl: see vec.ts.

alias Vec = f32;
const VEC = 1u; // floats

// 1 at place `at` of the Vec, counted from its first float, and 0 elsewhere; `at` may lie outside.
fn one_at(at: u32) -> Vec { return select(0.0, 1.0, at == 0); }

fn float_at(v: Vec, at: u32) -> f32 { return v; }
fn vec_max(v: Vec) -> f32 { return v; }
fn vec_sum(v: Vec) -> f32 { return v; }
fn vec_bits(v: Vec) -> vec4u { return vec4u(bitcast<u32>(v)); }
