// How a Vec is stored in a table of 32-bit floats: as it is.
//
// A library that kernels which write tables are prefixed with, this one or _rounding.wgsl: see rounding.ts.

fn stored(v: Vec, at: u32) -> Stored { return v; }
