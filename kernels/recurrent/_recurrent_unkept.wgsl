// Where the next step's product reads the states from their buffer: no texels to keep. A library, see
// recurrent.wgsl.

fn keep(at: u32, value: Vec) {}
