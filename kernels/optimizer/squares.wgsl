// Sums of the squares of several tensors, each cut into shares.
//
// Formula: partials[offset + g] = sum of x ^ 2 over share g, or of x in a tensor whose bit of `plain` is set:
//          such a tensor has less than four elements.
// Shapes: x [n] of each tensor, read as vec4s; partials: the shares of the first tensor before those of the next.
// Dispatch: a workgroup for each share; shares_of(n) for each tensor.
// Determinism: fixed shares, a fixed tree within a workgroup. Prefixed with _workgroup_sum.wgsl.

override MAX_SHARES: u32 = 512;

struct Params {
  offset: u32,
  plain: u32,
  n_PART: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(PART) var<storage, read> x_PART: array<vec4f>;
@group(0) @binding(PARTS) var<storage, read_write> partials: array<f32>;

fn shares_of(n: u32) -> u32 { return min(MAX_SHARES, (n + 1023) / 1024); }

// Where share `group` of n elements begins and ends, in whole vec4s; empty if there is no such share.
fn share_of(group: u32, n: u32) -> vec2u {
  let shares = shares_of(n);
  let share = (n / 4 + shares - 1) / shares;
  if (group >= shares) { return vec2u(); }
  return vec2u(group * share, min((group + 1) * share, n / 4));
}

// What one of the last elements adds, which fill no vec4.
fn rest(x: f32, part: u32) -> f32 {
  if (((params.plain >> part) & 1) == 1) { return x; }
  return x * x;
}

fn squared(x: vec4f) -> vec4f { return x * x; }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) local: u32) {
  var sum = vec4f();
  var group = id.x; // counted from the tensor's first; wraps, and is too large, for later tensors
  #each PART
  {
    let n = params.n_PART;
    let share = share_of(group, n);
    let end = share.y;
    var i = share.x + local;
    for (; i + 192 < end; i += 256) { // four loads are under way together
      sum = sum + squared(x_PART[i]) + squared(x_PART[i + 64]) + squared(x_PART[i + 128]) +
        squared(x_PART[i + 192]);
    }
    for (; i < end; i += 64) { sum += squared(x_PART[i]); }
    if (group == 0 && local < n % 4) { sum.x += rest(x_PART[n / 4][local], PART); }
    group -= shares_of(n);
  }
  #end
  let all = workgroup_sum(local, (sum.x + sum.y) + (sum.z + sum.w));
  if (local == 0) { partials[params.offset + id.x] = all; }
}
