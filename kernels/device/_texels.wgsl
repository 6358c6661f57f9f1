// Floats in a texture, four to a texel: a library that kernels for software adapters are prefixed with.
//
// The copy of a tensor's floats in their order, 4096 texels a row. Mesa's llvmpipe loads a texel of all
// lanes with some 70 instructions, four floats from a buffer with 300.

alias Texels = texture_storage_2d<rgba32float, read>;

// Where the float `index`, a multiple of 4, stands.
fn texel(index: u32) -> vec2u { return vec2u((index >> 2) & 4095, index >> 14); }
