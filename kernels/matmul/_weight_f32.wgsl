// Weight: an element of a layer's weight as a product reads it; here all of the parameter's 32 bits.
//
// A library that kernels begin with, this one or _weight_f16.wgsl: see weight.ts.

alias Weight = f32;
alias Weights = vec4f;
alias WeightTexels = texture_storage_2d<rgba32float, read>;
