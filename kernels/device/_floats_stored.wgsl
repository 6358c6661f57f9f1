// What a table stores for a Vec: here the Vec itself, of 32-bit floats.
//
// A library that kernels on tables are prefixed with, this one or _halves_stored.wgsl: see tables.ts.

alias Stored = Vec;

fn loaded(stored: Stored) -> Vec { return stored; }
