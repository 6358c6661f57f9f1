// Draws ids from a categorical distribution by the alias method, two ids a thread.
//
// Formula: i uniform in [0, V); id = i if a second uniform word is below threshold[i], else alias[i].
// Shapes: table [V] of (threshold, alias) in parts of `rows`, of which those from class `first` on are bound;
//         out [n]. What is drawn from parts that are not bound is left as it is.
// Dispatch: 1-D over ceil(n / 2) threads, folded.
// Determinism: a function of (seed, stream, step, position in the whole batch) alone; equal to `aliasDraw`
//              in alias.ts.
// Source: Walker 1977; Vose 1991 (the table).

struct Params {
  n: u32,
  V: u32,
  first: u32,
  rows: u32,
  W: u32, // ids of a row
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(PART) var<storage, read> table_PART: array<vec2u>;
@group(0) @binding(PARTS) var<storage, read_write> out: array<u32>;

fn draw(to: u32, column: u32, chance: u32) {
  let i = mulhi(column, params.V);
  let row = i - params.first; // wraps, and is too large, for earlier classes
  #each PART
  if (row - PART * params.rows < params.rows) {
    let entry = table_PART[row - PART * params.rows];
    out[to] = select(entry.y, i, chance < entry.x);
  }
  #end
}

// Draws the id at position i of the part of the batch.
fn draw_at(i: u32) {
  let at = whole_row(i / params.W) * params.W + i % params.W;
  let words = random_words(at / 2, 0);
  let half = at % 2 * 2;
  draw(i, words[half], words[half + 1]);
}

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let block = thread_index(group, local);
  let i = 2 * block;
  if (i >= params.n) { return; }
  if (RANKED) {
    draw_at(i);
    if (i + 1 < params.n) { draw_at(i + 1); }
    return;
  }
  let words = random_words(block, 0);
  draw(i, words.x, words.y);
  if (i + 1 < params.n) { draw(i + 1, words.z, words.w); }
}
