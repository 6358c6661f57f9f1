// Activations and their gradients, on four elements a thread.
//
// forward:  y = max(x, 0), 1 / (1 + e^-x) or tanh(x), for OP 0, 1 and 2.
// backward: dinput = dy (y > 0), dy y (1 - y) or dy (1 - y^2): from y alone, so that x need not be kept.
// Shapes: x, y, dy, dinput of n elements, n4 = ceil(n / 4) (buffers are padded to 16 bytes).
// Dispatch: 1-D over n4 threads, folded. Determinism: one operation an element.

override OP: u32 = 0;

struct Params {
  n4: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;

// The built-in function may be wrong by 2^-11.
fn tanh_of(z: vec4f) -> vec4f {
  let e = exp(-2.0 * abs(z));
  return sign(z) * (1.0 - e) / (1.0 + e);
}

@compute @workgroup_size(64)
fn forward(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n4) { return; }
  switch OP {
    case 0: { out[i] = max(x[i], vec4f(0.0)); }
    case 1: { out[i] = 1.0 / (1.0 + exp(-x[i])); }
    default: { out[i] = tanh_of(x[i]); }
  }
}

@group(0) @binding(0) var<storage, read> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dinput: array<vec4f>;

@compute @workgroup_size(64)
fn backward(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i >= params.n4) { return; }
  switch OP {
    case 0: { dinput[i] = select(vec4f(0.0), dy[i], y[i] > vec4f(0.0)); }
    case 1: { dinput[i] = dy[i] * y[i] * (1.0 - y[i]); }
    default: { dinput[i] = dy[i] * (1.0 - y[i] * y[i]); }
  }
}
