// Adds Gumbel noise to a tile of scores: tile[n, j] += temperature * g, with g = -ln(x), x exponential.
//
// Formula: the greatest of s(y) + temperature * g(y) is y with probability softmax(s / temperature)(y), and
//          the k greatest are k draws without replacement. x = -ln(1 - u), u in steps of 2^-32: what is
//          drawn among very many classes has a small x, so small ones must be exact.
// Shapes: tile [N, count], the classes first .. first + count - 1; first is a multiple of four.
// Dispatch: 1-D, a thread for four classes of a row, folded.
// Determinism: the noise is a function of (seed, stream, step, row, class) alone.
// Source: Kool, van Hoof, Welling, "Stochastic Beams and Where to Find Them" (ICML 2019).

struct Params {
  N: u32,
  count: u32,
  first: u32,
  first_row: u32, // number of the first row
  temperature: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read_write> tile: array<f32>;

// An exponential variable from a random word; its least value is 2^-33.
fn exponential(word: u32) -> f32 {
  let u = (f32(word) + 0.5) * 2.3283064365386963e-10;
  let series = u * (1.0 + u * (0.5 + u * (0.33333333 + u * (0.25 + u * 0.2))));
  return select(-log(max(1.0 - u, 2.9802322387695312e-8)), series, u < 0.0625);
}

@compute @workgroup_size(64)
fn main(group: Group, @builtin(local_invocation_index) local: u32) {
  let blocks = (params.count + 3) / 4;
  let thread = thread_index(group, local);
  let row = thread / blocks;
  if (row >= params.N) { return; }
  let begin = (thread % blocks) * 4;
  let words = random_words((params.first + begin) / 4, params.first_row + row);
  for (var i = 0u; i < min(4, params.count - begin); i++) {
    tile[row * params.count + begin + i] -= params.temperature * log(exponential(words[i]));
  }
}
