// Sparse gradients: sums the values of equal ids.
//
// Formula: out[u, e] (+)= sum over the parts k of the sum over the positions p of id u that belong to part k of
//            coefficients_k[p - base_k] * values_k[(p - base_k) / group_k, e]
//          (coefficient 1 unless the part's bit of HAVE_COEFFICIENTS is set); slots without an id get zeros.
//          A part's base is where the part before it ends.
// Shapes: values [n / group, W] and coefficients [n] of each part;
//         starts [slots + 1], positions [all parts], out [slots, W]; W counted in Vecs (vec.ts).
// whole:  for CPUs. Dispatch: 1-D over slots * W Vecs, a thread each, folded.
// sliced: for GPUs, which a common id would keep waiting for one thread. Dispatch: 1-D over ceil(slots * W / VECS)
//         workgroups of SLICES threads for each Vec, folded.
// Determinism: no atomics; whole: positions in rising order, one by one; sliced: slices in rising order, of each as
//         many positions of a part as make up sixteens, then fours, each summed in pairs, then the rest one by one.

override HAVE_COEFFICIENTS: u32 = 0;
override HAVE_GROUPS: u32 = 0; // bits of the parts whose group is not 1: a division for each position takes long

const SLICES = 4;
const VECS = 32;

const OUT = 2 + 2 * PARTS; // binding of the output

struct Params {
  slots: u32,
  W: u32,
  accumulate: u32,
  skip: u32, // positions of an id that earlier launches have summed
  most: u32, // positions of an id that this launch sums
  first: u32, // base of the first part
  end_PART: u32, // position behind the part's last
  group_PART: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2 + PART) var<storage, read> values_PART: array<Vec>;
@group(0) @binding(2 + PARTS + PART) var<storage, read> coefficients_PART: array<f32>;
@group(0) @binding(OUT) var<storage, read_write> out: array<Vec>;

#each PART
// What contribution p of the part adds to element e of its row.
fn value_PART(p: u32, e: u32) -> Vec {
  var row = p;
  if (((HAVE_GROUPS >> PART) & 1) == 1) { row = p / params.group_PART; }
  let value = values_PART[row * params.W + e];
  if (((HAVE_COEFFICIENTS >> PART) & 1) == 1) { return coefficients_PART[p] * value; }
  return value;
}

// What the four positions from s on add: loads that are under way together.
fn four_PART(s: u32, base: u32, e: u32) -> Vec {
  return (value_PART(positions[s] - base, e) + value_PART(positions[s + 1] - base, e)) +
    (value_PART(positions[s + 2] - base, e) + value_PART(positions[s + 3] - base, e));
}
#end

// The sum of the positions of an id from `begin` to `end`; `many`: the loads of many are under way together.
fn sum_of(begin: u32, end: u32, e: u32, many: bool) -> Vec {
  var s = begin;
  var sum = Vec(0);
  var base = params.first;
  while (s < end && positions[s] < base) { s++; } // summed by earlier launches
  #each PART
  {
    var total = Vec(0);
    while (many && s + 16 <= end && positions[s + 15] < params.end_PART) {
      total += (four_PART(s, base, e) + four_PART(s + 4, base, e)) +
        (four_PART(s + 8, base, e) + four_PART(s + 12, base, e));
      s += 16;
    }
    while (many && s + 4 <= end && positions[s + 3] < params.end_PART) {
      total += four_PART(s, base, e);
      s += 4;
    }
    for (; s < end; s++) {
      let position = positions[s];
      if (position >= params.end_PART) { break; }
      total += value_PART(position - base, e);
    }
    sum += total;
    base = params.end_PART;
  }
  #end
  return sum;
}

// The positions of slot u that this launch sums: where they begin and end.
fn range_of(u: u32) -> vec2u {
  let begin = starts[u] + params.skip;
  return vec2u(begin, max(begin, min(starts[u + 1], begin + params.most)));
}

fn store(i: u32, sum: Vec) {
  if (params.accumulate == 1) { out[i] += sum; } else { out[i] = sum; }
}

@compute @workgroup_size(64)
fn whole(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  let u = i / params.W;
  if (u >= params.slots) { return; }
  let range = range_of(u);
  store(i, sum_of(range.x, range.y, i % params.W, false));
}

var<workgroup> sums: array<array<Vec, VECS>, SLICES>;

@compute @workgroup_size(VECS, SLICES)
fn sliced(group: Group, @builtin(local_invocation_id) local: vec3u) {
  let i = group_index(group) * VECS + local.x;
  let u = i / params.W;
  if (u < params.slots) {
    let range = range_of(u);
    let length = (range.y - range.x + 16 * SLICES - 1) / (16 * SLICES) * 16;
    let begin = range.x + local.y * length;
    sums[local.y][local.x] = sum_of(begin, min(range.y, begin + length), i % params.W, true);
  }
  workgroupBarrier();
  if (u >= params.slots || local.y > 0) { return; }
  var sum = sums[0][local.x];
  for (var slice = 1u; slice < SLICES; slice++) { sum += sums[slice][local.x]; }
  store(i, sum);
}
