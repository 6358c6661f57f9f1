// Sorts a few thousand ids by counting: two launches, where a radix sort (sort_ids.wgsl) takes dozens.
//
// sort:     element i goes to place (ids smaller than its own) + (equal ids before it), with its position.
// segments: unique[u], starts[u] for segment u of equal sorted ids; the slots left over get id 0xffffffff
//           and start n.
// Shapes: ids (as u32 and as vec4u), sorted, positions [n]; unique [slots], starts [slots + 1].
// Dispatch: sort: ceil(n / ELEMENTS) workgroups, a thread compares one element with a slice of the ids;
// segments: one workgroup, a thread for SHARE ids: no more than THREADS * SHARE in all.
// Determinism: integers only, no atomics.

const ELEMENTS = 16;
const SLICES = 16;
const THREADS = 256; // ELEMENTS * SLICES
const SHARE = 16;

struct Params {
  n: u32,
  slots: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> ids4: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> sorted: array<u32>;
@group(0) @binding(3) var<storage, read_write> positions: array<u32>;

var<workgroup> counts: array<u32, THREADS>;

// 1 for each of the four ids of ids4[j] that goes before element i, whose id is given.
fn before(j: u32, id: u32, i: u32) -> vec4u {
  let other = ids4[j];
  let earlier = (4 * j + vec4u(0, 1, 2, 3)) < vec4u(i);
  return select(vec4u(), vec4u(1), (other < vec4u(id)) | ((other == vec4u(id)) & earlier));
}

@compute @workgroup_size(THREADS)
fn sort(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = group.x * ELEMENTS + thread % ELEMENTS;
  let id = ids[min(i, params.n - 1)];
  let slice = thread / ELEMENTS;
  let fours = params.n / 4;
  var count = vec4u();
  var j = slice;
  for (; j + 3 * SLICES < fours; j += 4 * SLICES) { // four loads are under way together
    count += (before(j, id, i) + before(j + SLICES, id, i)) +
      (before(j + 2 * SLICES, id, i) + before(j + 3 * SLICES, id, i));
  }
  for (; j < fours; j += SLICES) { count += before(j, id, i); }
  let rest = 4 * fours + slice; // up to three ids, one a slice
  if (rest < params.n && (ids[rest] < id || (ids[rest] == id && rest < i))) { count.x++; }
  counts[thread] = count.x + count.y + count.z + count.w;
  workgroupBarrier();
  if (thread >= ELEMENTS || i >= params.n) { return; }
  var place = 0u;
  for (var s = 0u; s < SLICES; s++) { place += counts[s * ELEMENTS + thread]; }
  sorted[place] = id;
  positions[place] = i;
}

@group(0) @binding(2) var<storage, read_write> unique: array<u32>;
@group(0) @binding(3) var<storage, read_write> starts: array<u32>;

// A bit for each of the four ids from e on, a multiple of four: whether it begins a segment.
fn heads(e: u32) -> u32 {
  let four = ids4[min(e, params.n - 1) / 4];
  let at = e + vec4u(0, 1, 2, 3);
  let earlier = vec4u(ids[clamp(e, 1, params.n) - 1], four.xyz);
  let begin = ((four != earlier) | (at == vec4u())) & (at < vec4u(params.n));
  return dot(vec4u(1, 2, 4, 8), select(vec4u(), vec4u(1), begin));
}

@compute @workgroup_size(THREADS)
fn segments(@builtin(local_invocation_index) thread: u32) {
  let first = thread * SHARE;
  var own = heads(first) | (heads(first + 4) << 4) | (heads(first + 8) << 8) | (heads(first + 12) << 12);
  counts[thread] = countOneBits(own);
  workgroupBarrier();
  for (var reach = 1u; reach < THREADS; reach *= 2) { // counts of all threads up to this one
    var below = 0u;
    if (thread >= reach) { below = counts[thread - reach]; }
    workgroupBarrier();
    counts[thread] += below;
    workgroupBarrier();
  }
  var slot = counts[thread] - countOneBits(own);
  for (; own != 0; own &= own - 1) {
    let i = first + firstTrailingBit(own);
    unique[slot] = ids[i];
    starts[slot] = i;
    slot++;
  }
  for (var left = counts[THREADS - 1] + thread; left <= params.slots; left += THREADS) {
    starts[left] = params.n;
    if (left < params.slots) { unique[left] = 0xffffffff; }
  }
}
