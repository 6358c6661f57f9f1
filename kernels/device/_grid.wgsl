// The number of a thread in a grid of one dimension, which may be folded into rows: see Launch.grid.
//
// A library that the device appends to every kernel; it has no entry point. An entry point takes
//   (group: Group, @builtin(local_invocation_index) local: u32)
// `local` is not in the struct: before a barrier, a compiler must see that `group` is the same for all
// threads of a workgroup.

struct Group {
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) count: vec3u,
}

// The workgroup's number.
fn group_index(group: Group) -> u32 { return group.id.x + group.id.y * group.count.x; }

// The thread's number, where workgroups have 64 threads.
fn thread_index(group: Group, local: u32) -> u32 { return group_index(group) * 64 + local; }
