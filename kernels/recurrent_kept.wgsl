// What a time step keeps up to date besides the states: their texels (texels.wgsl), which the next
// step's product reads. A library, see recurrent.wgsl; for lanes of four floats.

@group(2) @binding(0) var kept: texture_storage_2d<rgba32float, write>;

/// Writes the states' lane `at` to their texels.
fn keep(at: u32, value: Lane) { textureStore(kept, texel(4u * at), value); }
