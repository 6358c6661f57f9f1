// Brings ranks together that have taken steps of their own: a table becomes their mean, or makes an outer step
// with Nesterov's momentum (DiLoCo) from where they began, its anchor.
//   mean:  p = mean
//   outer: d = anchor - mean;  velocity = momentum * velocity + d;
//          anchor = anchor - lr * (d + momentum * velocity);  p = anchor
// mean[row] = sums[slots[row]] / ranks, or p[row] where slots[row] is 0xffffffff: there all ranks have the same.
// Without HAS_SLOTS, sums has all rows, in their order.
// Shapes: slots [V], sums [n, W], p, anchor and velocity [V, W]; W counted in Vecs (vec.ts).
// Dispatch: 1-D over n = V * W threads, folded. Determinism: every Vec is updated by one thread.

override HAS_SLOTS: bool = false;

struct Params {
  n: u32,
  W: u32,
  ranks: f32,
  lr: f32,
  momentum: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> slots: array<u32>;
@group(0) @binding(1) var<storage, read> sums: array<Vec>;
@group(0) @binding(2) var<storage, read_write> p: array<Vec>;
@group(0) @binding(3) var<storage, read_write> anchor: array<Vec>;
@group(0) @binding(4) var<storage, read_write> velocity: array<Vec>;

fn mean_of(i: u32) -> Vec {
  if (!HAS_SLOTS) { return sums[i] / params.ranks; }
  let slot = slots[i / params.W];
  if (slot == 0xffffffff) { return p[i]; }
  return sums[slot * params.W + i % params.W] / params.ranks;
}

@compute @workgroup_size(64)
fn mean(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i < params.n) { p[i] = mean_of(i); }
}

@compute @workgroup_size(64)
fn outer(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n) { return; }
  let d = anchor[i] - mean_of(i);
  let v = params.momentum * velocity[i] + d;
  let moved = anchor[i] - params.lr * (d + params.momentum * v);
  velocity[i] = v;
  anchor[i] = moved;
  p[i] = moved;
}
