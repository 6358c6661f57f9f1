// Sorts a few thousand ids by counting: two launches, where a radix sort (sort_ids.wgsl) takes dozens.
//
// sort:     element i goes to place (ids smaller than its own) + (equal ids before it), with its position.
// segments: unique[u], starts[u] for segment u of equal sorted ids; the slots left over get id 0xffffffff
//           and start n.
// Shapes: ids (as u32 and as vec4u), sorted, positions [n]; unique [slots], starts [slots + 1].
// Dispatch: sort: ceil(n / ELEMENTS) workgroups, a thread compares one element with a slice of the ids;
// segments: one workgroup, a thread for a share of the ids.
// Determinism: integers only, no atomics.

const ELEMENTS = 16;
const SLICES = 16;
const THREADS = 256; // ELEMENTS * SLICES

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

@compute @workgroup_size(THREADS)
fn sort(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = group.x * ELEMENTS + thread % ELEMENTS;
  let id = ids[min(i, params.n - 1)];
  let slice = thread / ELEMENTS;
  var before = vec4u();
  for (var j = slice; j < params.n / 4; j += SLICES) {
    let other = ids4[j];
    let earlier = (4 * j + vec4u(0, 1, 2, 3)) < vec4u(i);
    before += select(vec4u(), vec4u(1), (other < vec4u(id)) | ((other == vec4u(id)) & earlier));
  }
  let rest = params.n / 4 * 4 + slice; // up to three ids, one a slice
  if (rest < params.n && (ids[rest] < id || (ids[rest] == id && rest < i))) { before.x++; }
  counts[thread] = before.x + before.y + before.z + before.w;
  workgroupBarrier();
  if (thread >= ELEMENTS || i >= params.n) { return; }
  var place = 0u;
  for (var s = 0u; s < SLICES; s++) { place += counts[s * ELEMENTS + thread]; }
  sorted[place] = id;
  positions[place] = i;
}

@group(0) @binding(1) var<storage, read_write> unique: array<u32>;
@group(0) @binding(2) var<storage, read_write> starts: array<u32>;

fn begins(i: u32) -> bool {
  if (i == 0) { return true; }
  return ids[i] != ids[i - 1];
}

@compute @workgroup_size(THREADS)
fn segments(@builtin(local_invocation_index) thread: u32) {
  let share = (params.n + THREADS - 1) / THREADS;
  let first = min(thread * share, params.n);
  let end = min(first + share, params.n);
  var heads = 0u;
  for (var i = first; i < end; i++) { heads += u32(begins(i)); }
  counts[thread] = heads;
  workgroupBarrier();
  var slot = 0u;
  var total = 0u;
  for (var s = 0u; s < THREADS; s++) {
    if (s == thread) { slot = total; }
    total += counts[s];
  }
  for (var i = first; i < end; i++) {
    if (begins(i)) {
      unique[slot] = ids[i];
      starts[slot] = i;
      slot++;
    }
  }
  for (var left = total + thread; left <= params.slots; left += THREADS) {
    starts[left] = params.n;
    if (left < params.slots) { unique[left] = 0xffffffff; }
  }
}
