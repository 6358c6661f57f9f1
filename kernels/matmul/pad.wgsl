// Lengthens rows with zeros to whole vectors of four floats.
//
// out[r, j] = x[r, j] for j < width, else 0.
// Shapes: x [R, width]; out [R, V] of vec4, V = ceil(width / 4).
// Prefixed with _weight_f32.wgsl or _weight_f16.wgsl.
// Dispatch: 1-D over R * V threads, folded. Determinism: copies only.

struct Params {
  rows: u32, // R
  width: u32,
  vectors: u32, // V
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> x: array<Weight>;
@group(0) @binding(1) var<storage, read_write> out: array<Weights>;

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let row = i / params.vectors;
  if (row >= params.rows) { return; }
  let column = i % params.vectors * 4;
  let at = row * params.width + column;
  let values = Weights(x[at], x[at + 1], x[at + 2], x[at + 3]);
  out[i] = select(Weights(0), values, column + vec4u(0, 1, 2, 3) < vec4u(params.width));
}
