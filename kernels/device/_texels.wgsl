// Floats in a texture, four to a texel: a library that kernels for software adapters are prefixed with.
//
// A texture holds a tensor's floats in their order, 4096 texels a row. Mesa's llvmpipe loads a texel for all
// lanes with about 70 instructions, and four floats from a buffer with 300.

alias Texels = texture_storage_2d<rgba32float, read>;

// The texel of the float `index`, a multiple of 4.
fn texel(index: u32) -> vec2u { return vec2u((index >> 2) & 4095, index >> 14); }
