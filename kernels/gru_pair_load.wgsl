// How gru_pair.wgsl reads eight contexts in general: every lane loads all of them, from one address.
// A library without entry point. See gru_pair_broadcast.wgsl for the other way.

@group(0) @binding(0) var<storage, read> states: array<vec4<f32>>;


fn state_of(at: u32, lane: u32) -> State {
  let a = transpose(mat4x4<f32>(states[at], states[at+1u], states[at+2u], states[at+3u]));
  let b = transpose(mat4x4<f32>(states[at+4u], states[at+5u], states[at+6u], states[at+7u]));
  return State(Octet(a[0], b[0]), Octet(a[1], b[1]), Octet(a[2], b[2]), Octet(a[3], b[3]));
}

@group(0) @binding(3) var<storage, read> dscores: array<f32>;
fn four_scores(n: u32, i: u32) -> vec4<f32> {
  let rows = vec4<u32>(n) + vec4<u32>(0u, 1u, 2u, 3u);
  let at = min(rows, vec4<u32>(params.rows - 1u)) * params.count + i;
  let d = vec4<f32>(dscores[at.x], dscores[at.y], dscores[at.z], dscores[at.w]);
  return select(vec4<f32>(), d, rows < vec4<u32>(params.rows));
}
fn eight_scores(n: u32, i: u32, lane: u32) -> Octet {
  return Octet(four_scores(n, i), four_scores(n + 4u, i));
}

fn state_at(i: u32) -> State { return state_of(8u*i, 0u); }
