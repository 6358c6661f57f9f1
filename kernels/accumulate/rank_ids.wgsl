// Sorts a few thousand ids by counting: two launches, where a radix sort (sort_ids.wgsl) takes dozens.
//
// sort:     element i goes to place (ids smaller than its own) + (equal ids before it), with its position.
// segments: unique[u], starts[u] for segment u of equal sorted ids; the slots left over get id 0xffffffff
//           and start n.
// Shapes: ids (as u32 and as vec4u), sorted, positions [n]; unique [slots], starts [slots + 1].
// Dispatch: 1-D, folded; sort over n threads, segments over max(n, slots + 1).
// Determinism: integers only, no atomics. Work: n comparisons a thread.

struct Params {
  n: u32,
  slots: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> ids4: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> sorted: array<u32>;
@group(0) @binding(3) var<storage, read_write> positions: array<u32>;

@compute @workgroup_size(64)
fn sort(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  if (i >= params.n) { return; }
  let id = ids[i];
  var before = vec4u();
  for (var j = 0u; j < params.n / 4u; j++) {
    let other = ids4[j];
    let earlier = (4u * j + vec4u(0u, 1u, 2u, 3u)) < vec4u(i);
    before += select(vec4u(), vec4u(1u), (other < vec4u(id)) | ((other == vec4u(id)) & earlier));
  }
  var place = before.x + before.y + before.z + before.w;
  for (var j = params.n / 4u * 4u; j < params.n; j++) {
    if (ids[j] < id || (ids[j] == id && j < i)) { place++; }
  }
  sorted[place] = id;
  positions[place] = i;
}

@group(0) @binding(1) var<storage, read_write> unique: array<u32>;
@group(0) @binding(2) var<storage, read_write> starts: array<u32>;

@compute @workgroup_size(64)
fn segments(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  var heads = 1u;
  var slot = 0u; // the heads up to i, but for the first
  var last = ids[0];
  var begins = i == 0u;
  for (var j = 1u; j < params.n; j++) {
    let id = ids[j];
    let head = id != last;
    heads += u32(head);
    slot += u32(head && j <= i);
    begins = begins || (head && j == i);
    last = id;
  }
  if (begins) {
    unique[slot] = ids[i];
    starts[slot] = i;
  }
  if (i >= heads && i <= params.slots) {
    starts[i] = params.n;
    if (i < params.slots) { unique[i] = 0xffffffffu; }
  }
}
