// The sum over the 64 threads of a workgroup: a library for kernels that sum.
//
// All threads call workgroup_sum, once, and get the sum. Determinism: a fixed tree.

var<workgroup> shares: array<f32, 64>;

fn workgroup_sum(local: u32, value: f32) -> f32 {
  shares[local] = value;
  workgroupBarrier();
  for (var reach = 32u; reach > 0; reach /= 2) {
    if (local < reach) { shares[local] += shares[local + reach]; }
    workgroupBarrier();
  }
  return shares[0];
}
