// What a table of ids stores, and what a thread handles at a time of a row: one id, for any width.
//
// A library that kernels on such tables are prefixed with, in the place of _vec_one.wgsl and _floats_stored.wgsl.

alias Vec = u32;
alias Stored = Vec;

fn loaded(stored: Stored) -> Vec { return stored; }
