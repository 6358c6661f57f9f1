// An optimizer's update of all elements of several parameters.
//
// Formula: p[at] = updated(at, p[at], norm[1] * g[at]) of each parameter, as in update.wgsl. Of one of 16-bit
//          floats, which has a launch of its own, `first` is the number of the first Vec.
// Shapes: p, what the optimizer keeps, and g, of a parameter: n Vecs.
// Dispatch: for each parameter ceil(n / SHARE) workgroups, folded.
// Determinism: every Vec is updated by one thread.

override SHARE: u32 = 64; // Vecs of a workgroup

const FIRST = 1 + PARTS; // binding of the first output

struct Params {
  first: u32,
  n_PART: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1 + PART) var<storage, read> g_PART: array<Vec>;
@group(0) @binding(FIRST + PART) var<storage, read_write> p_PART: array<Stored>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  var first = group_index(group) * SHARE; // in the parameter; wraps, and is too large, for later ones
  let clip = norm[1];
  #each PART
  {
    let n = params.n_PART;
    let end = min(first + SHARE, n);
    for (var i = first + local; i < end; i += 64) {
      p_PART[i] = stored(updated_PART(i, loaded(p_PART[i]), clip * g_PART[i]), params.first + i);
    }
    first -= (n + SHARE - 1) / SHARE * SHARE;
  }
  #end
}
