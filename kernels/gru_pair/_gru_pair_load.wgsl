// How gru_pair.wgsl comes by values of eight contexts: every thread loads all of them.
// A library without entry point; _gru_pair_broadcast.wgsl has the same functions for llvmpipe.

fn state_of_all(octet: u32, unit: u32, local: u32) -> State { return state_of_each(octet, unit); }

fn four_dscores(row: u32, i: u32) -> vec4<f32> {
  let rows = vec4<u32>(row, row + 1u, row + 2u, row + 3u);
  let at = min(rows, vec4<u32>(params.rows - 1u)) * params.count + i;
  let loaded = vec4<f32>(dscores[at.x], dscores[at.y], dscores[at.z], dscores[at.w]);
  return select(vec4<f32>(0.0), loaded, rows < vec4<u32>(params.rows));
}

fn dscores_of_all(row: u32, i: u32, local: u32) -> Octet {
  return Octet(four_dscores(row, i), four_dscores(row + 4u, i));
}
