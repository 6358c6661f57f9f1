// How gru_pair.wgsl loads values of eight contexts where subgroups are a CPU's vectors (llvmpipe): each
// lane loads one and broadcasts it, since a load is expensive there and a broadcast nearly free.
// A library without entry point; _gru_pair_load.wgsl has the same functions for other adapters.

fn spread(own: f32) -> Octet {
  let lo = vec4f(subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u),
    subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u));
  let hi = vec4f(subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u),
    subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u));
  return Octet(lo, hi);
}

fn state_of_all(octet: u32, unit: u32, lane: u32) -> State {
  let own = states[(octet * params.H + unit) * 8 + (lane & 7)];
  return State(spread(own.x), spread(own.y), spread(own.z), spread(own.w));
}

// Contexts past the last take the last's: their state is 0, so that nothing comes of it.
fn dscores_of_all(row: u32, i: u32, lane: u32) -> Octet {
  let own = min(row + (lane & 7), params.N - 1);
  return spread(dscores[own * params.K + i]);
}
