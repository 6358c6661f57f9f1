// The place of a row in the whole batch, of which this device computes a part.
//
// A library that other kernels are prefixed with: see withPart in part.ts, which adds own_columns, columns, rank and
// ranks to their Params.
// Formula: row n = t * own_columns + j of the part is row t * columns + j * ranks + rank of the batch.

override RANKED: bool = false;

fn whole_row(n: u32) -> u32 {
  if (!RANKED) { return n; }
  return n / params.own_columns * params.columns + n % params.own_columns * params.ranks + params.rank;
}
