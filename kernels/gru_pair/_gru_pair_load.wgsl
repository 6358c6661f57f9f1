// How gru_pair.wgsl loads values of eight contexts: every thread loads all of them.
// A library without entry point; _gru_pair_broadcast.wgsl has the same functions for llvmpipe.

fn state_of_all(octet: u32, unit: u32, local: u32) -> State { return state_of_each(octet, unit); }

// Contexts past the last take the last's: their state is 0, so that nothing comes of it.
fn four_dscores(row: u32, i: u32) -> vec4f {
  let at = min(row + vec4u(0, 1, 2, 3), vec4u(params.N - 1)) * params.K + i;
  return vec4f(dscores[at.x], dscores[at.y], dscores[at.z], dscores[at.w]);
}

fn dscores_of_all(row: u32, i: u32, local: u32) -> Octet {
  return Octet(four_dscores(row, i), four_dscores(row + 4, i));
}
