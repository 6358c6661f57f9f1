// Lane: what a thread handles at a time of a row; here four floats, for rows of a multiple of four.
//
// A library that kernels are prefixed with, this one or lane_one.wgsl: see lanes.ts.

alias Lane = vec4<f32>;
const LANE = 4u; // floats

/// 1 at place `at` of the lane, counted from its first float, and 0 elsewhere; `at` may lie outside.
fn one_at(at: u32) -> Lane {
  return select(vec4<f32>(), vec4<f32>(1.0), vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(at));
}

fn float_at(lane: Lane, at: u32) -> f32 { return lane[at]; }
fn lane_max(lane: Lane) -> f32 { return max(max(lane.x, lane.y), max(lane.z, lane.w)); }
fn lane_sum(lane: Lane) -> f32 { return (lane.x + lane.y) + (lane.z + lane.w); }
