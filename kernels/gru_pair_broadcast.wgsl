// How gru_pair.wgsl reads eight contexts where subgroups are a CPU's vectors (llvmpipe): each lane
// loads one and hands it to the others, as loading is dear there and a broadcast next to free.
// A library without entry point; LANES is 8 or 16. See gru_pair_load.wgsl for the other way.

@group(0) @binding(0) var<storage, read> states: array<vec4<f32>>;

fn spread(own: f32) -> Octet {
  return Octet(vec4<f32>(subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u),
                         subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u)),
               vec4<f32>(subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u),
                         subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u)));
}
fn state_of(at: u32, lane: u32) -> State {
  let own = states[at + (lane & 7u)];
  return State(spread(own.x), spread(own.y), spread(own.z), spread(own.w));
}

@group(0) @binding(3) var<storage, read> dscores: array<f32>;
fn eight_scores(n: u32, i: u32, lane: u32) -> Octet {
  let row = n + (lane & 7u);
  return spread(select(0.0, dscores[min(row, params.rows - 1u) * params.count + i], row < params.rows));
}

fn four_of(at: u32) -> mat4x4<f32> { return transpose(mat4x4<f32>(states[at], states[at+1u], states[at+2u], states[at+3u])); }
fn state_at(i: u32) -> State { let a = four_of(8u * i); let b = four_of(8u*i+4u); return State(Octet(a[0], b[0]), Octet(a[1], b[1]), Octet(a[2], b[2]), Octet(a[3], b[3])); }
