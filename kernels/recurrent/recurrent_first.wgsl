// The states before the first step of a recurrent layer.
//
// first[b, h] = state[b, h], or 0 where row b begins anew; of each of PARTS states.
// Shapes: resets [T, B]; state, first [B, H]; for_parts.ts repeats what a state needs.
// Dispatch: 1-D over B * H, a thread each, folded.
// Determinism: copies only.

struct Params {
  B: u32,
  H: u32,
  with_resets: u32, // 0: no row begins anew, and `resets` are not read
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> resets: array<u32>;
@group(0) @binding(1 + PART) var<storage, read> state_PART: array<f32>;
@group(0) @binding(1 + PARTS + PART) var<storage, read_write> first_PART: array<f32>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let b = i / params.H;
  if (b >= params.B) { return; }
  let begins_anew = params.with_resets == 1 && resets[b] != 0;
  first_PART[i] = select(state_PART[i], 0.0, begins_anew);
}
