// The packed recurrent weight, which the kernels for GPUs read. A library, see recurrent.wgsl.
//
// What pack_weight writes: [H, H] of four floats, one a gate, zero for a gate that is not there.
// forward:  weight[k, j] leads from unit k's state to the gates of unit j.
// backward: weight[k, j] leads from the gates of unit k to unit j's state.
// So neighbouring threads, which own neighbouring units j, read what lies side by side.

@group(0) @binding(0) var<storage, read> weight: array<vec4f>;
