// An optimizer's update of a parameter, of all its elements or of some rows.
//
// Formula: p[at] = updated(at, p[at], norm[1] * g), where `updated` is the optimizer's: see _sgd.wgsl,
//          _momentum.wgsl, _adagrad.wgsl and _adam.wgsl, one of which follows. norm[1] clips the gradient.
// Shapes: p and what the optimizer keeps [V, W]; g [n] Vecs: all elements, or with ROWS the rows ids [n / W],
//         each at most once; 0xffffffff stands for none. W counted in Vecs (vec.ts).
// Dispatch: 1-D over n Vecs, a thread each, folded.
// Determinism: every Vec is updated by one thread.

override ROWS: bool = false;

@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> g: array<Vec>;
@group(0) @binding(3) var<storage, read_write> p: array<Vec>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n) { return; }
  var at = i;
  if (ROWS) {
    let row = ids[i / params.W];
    if (row == 0xffffffff) { return; }
    at = row * params.W + i % params.W;
  }
  p[at] = updated(at, p[at], norm[1] * g[i]);
}
