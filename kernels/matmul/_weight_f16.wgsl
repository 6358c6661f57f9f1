// Weight: an element of a layer's weight as a product reads it; here of a copy with half as many bits.
//
// A library that kernels begin with, this one or _weight_f32.wgsl: see weight.ts.

enable f16;

alias Weight = f16;
alias Weights = vec4h;
alias WeightTexels = texture_storage_2d<rgba16float, read>;
