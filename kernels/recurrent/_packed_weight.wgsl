// The recurrent weight as the kernels for GPUs read it: packed by pack_weight.wgsl. A library, see
// _recurrent.wgsl.

@group(0) @binding(0) var<storage, read> weight: array<Weights>;

// What state or gate k adds to unit j.
fn weights_of(k: u32, j: u32) -> vec4f { return vec4f(weight[k * params.H + j]); }
