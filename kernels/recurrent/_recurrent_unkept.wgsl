// Where the next step's product reads the states from their buffer: no texels to keep. A library, see
// _recurrent.wgsl.

fn keep(b: u32, gate: u32, j: u32, value: Vec) {}
