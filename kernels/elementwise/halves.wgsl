// Rows of a table of 16-bit floats as 32-bit ones, and back.
//
// widen:  floats[i] = table[i].
// narrow: table[i] = floats[i], rounded at random.
// Shapes: n Vecs (tables.ts) of whole rows; the first of `table` is number `first` of the whole table.
// Dispatch: 1-D over n, folded. Determinism: _rounding.wgsl.

struct Params {
  n: u32,
  first: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> table: array<Stored>;
@group(0) @binding(1) var<storage, read_write> floats: array<Vec>;

@compute @workgroup_size(64)
fn widen(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i < params.n) { floats[i] = loaded(table[i]); }
}

@group(0) @binding(0) var<storage, read> values: array<Vec>;
@group(0) @binding(1) var<storage, read_write> out: array<Stored>;

@compute @workgroup_size(64)
fn narrow(group: Group, @builtin(local_invocation_index) local: u32) {
  let i = thread_index(group, local);
  if (i < params.n) { out[i] = stored(values[i], params.first + i); }
}
