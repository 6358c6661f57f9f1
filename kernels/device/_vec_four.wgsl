// Vec: the floats of a row that a thread handles at a time; here four, for widths of a multiple of four.
//
// A library that kernels are prefixed with, this one or _vec_one.wgsl: see vec.ts.

alias Vec = vec4f;
const VEC = 4u; // floats

// 1 at place `at` of the Vec, counted from its first float, and 0 elsewhere; `at` may lie outside.
fn one_at(at: u32) -> Vec {
  return select(vec4f(), vec4f(1.0), vec4u(0, 1, 2, 3) == vec4u(at));
}

fn float_at(v: Vec, at: u32) -> f32 { return v[at]; }
fn vec_max(v: Vec) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }
fn vec_sum(v: Vec) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn vec_bits(v: Vec) -> vec4u { return bitcast<vec4u>(v); }
