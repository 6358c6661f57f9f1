// Where a thread stands in a grid of one dimension, which may be folded into rows (see Launch.grid).
//
// A library that the device puts behind every kernel; it has no entry point. An entry point that takes a
// Thread knows its number whether the grid is folded or not.

struct Thread {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
}

// The number of the thread's workgroup.
fn group_index(thread: Thread) -> u32 { return thread.group.x + thread.group.y * thread.groups.x; }

// The number of the thread, if workgroups have 64.
fn thread_index(thread: Thread) -> u32 { return group_index(thread) * 64 + thread.local; }
