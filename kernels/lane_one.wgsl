// Lane: what a thread handles at a time of a row; here one float, for rows of any width.
//
// A library that kernels are prefixed with, this one or lane_four.wgsl: see lanes.ts.

alias Lane = f32;
const LANE = 1u; // floats

/// 1 at place `at` of the lane, counted from its first float, and 0 elsewhere; `at` may lie outside.
fn one_at(at: u32) -> Lane { return select(0.0, 1.0, at == 0u); }

fn float_at(lane: Lane, at: u32) -> f32 { return lane; }
fn lane_max(lane: Lane) -> f32 { return lane; }
fn lane_sum(lane: Lane) -> f32 { return lane; }
