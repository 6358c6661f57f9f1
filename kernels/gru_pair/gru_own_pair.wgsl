// Scores of K candidate words of its own for each of N contexts, and their gradients.
//
// own_scores:    scores[n, i] as in _gru_pair_cell.wgsl, the word's gates being gates[n, i, :].
// own_gradients: from dscores [N, K]: dwords[n, i, :], dgates[n, :] and dhidden[n, :] summed over the
//                context's words, dweight[c, :] over the pairs of part c of the contexts.
// Shapes: gates and dwords [N, K, 3H], states [ceil(N / 8), H, 8] of vec4 (r, z, n, h) as written by
//         pack_states in gru_pair.wgsl, weight [H], bias [1], scores and dscores [N, K],
//         dgates [N, 3H], dhidden [N, H], dweight [parts of contexts, H].
// Dispatch: own_scores: 1-D, THREADS threads for eight (or EACH) words of a context, folded;
//           own_gradients: (ceil(H / THREADS), parts of contexts, 1), a thread owns a unit.
// Determinism: threads take fixed shares and are summed in order; masks are functions of
// (context, word, unit).

override THREADS: u32 = 64; // at least 8
override EACH: u32 = 8; // words taken at a time: 8, or 1 if there is just one

@group(0) @binding(0) var<storage, read> gates: array<f32>;
@group(0) @binding(1) var<storage, read> states: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> scores_out: array<f32>;

var<workgroup> shares: array<f32, 8 * THREADS>;

// Gates of a word before activation, those past the last word being the last one's.
fn word_at(n: u32, i: u32, j: u32) -> u32 {
  return (n * params.K + min(i, params.K - 1)) * 3 * params.H + j;
}

// A value of four words from `at` of each on.
fn four(at: vec4u) -> vec4f {
  return vec4f(gates[at.x], gates[at.y], gates[at.z], gates[at.w]);
}

fn four_words(n: u32, i: u32, j: u32) -> vec4u {
  return vec4u(word_at(n, i, j), word_at(n, i + 1, j), word_at(n, i + 2, j), word_at(n, i + 3, j));
}

// The cell of four words, from i on, in context n.
fn cells(n: u32, i: u32, j: u32, state: vec4f) -> Cell {
  var r: vec4f;
  var z: vec4f;
  var word_n: vec4f;
  if (EACH == 1) {
    let at = word_at(n, i, j);
    r = vec4f(gates[at]);
    z = vec4f(gates[at + params.H]);
    word_n = vec4f(gates[at + 2 * params.H]);
  } else {
    let at = four_words(n, i, j);
    r = four(at);
    z = four(at + params.H);
    word_n = four(at + 2 * params.H);
  }
  return cell_of(half_gate(r) * state.x, half_gate(z) * state.y, TWO_LOG2_E * word_n,
    vec4f(state.z), vec4f(state.w));
}

@compute @workgroup_size(THREADS)
fn own_scores(group: Group, @builtin(local_invocation_index) local: u32) {
  let octets = (params.K + EACH - 1) / EACH;
  let index = group_index(group);
  let n = index / octets;
  let octet = index % octets;
  if (n >= params.N) { return; }
  var sum: Octet;
  for (var j = local; j < params.H; j += THREADS) {
    let state = states[(n / 8 * params.H + j) * 8 + n % 8];
    var m = Octet(vec4f(1.0), vec4f(1.0));
    if (DROPOUT) { m = mask(whole_row(n), octet, j); }
    sum.lo = fma(weight[j] * m.lo, cells(n, octet * 8, j, state).hidden, sum.lo);
    if (EACH > 4) {
      sum.hi = fma(weight[j] * m.hi, cells(n, octet * 8 + 4, j, state).hidden, sum.hi);
    }
  }
  for (var q = 0u; q < 4; q++) {
    shares[q * THREADS + local] = sum.lo[q];
    shares[(q + 4) * THREADS + local] = sum.hi[q];
  }
  workgroupBarrier();
  let i = octet * 8 + local;
  if (local >= EACH || i >= params.K) { return; }
  var score = 0.0;
  for (var other = 0u; other < THREADS; other++) { score += shares[local * THREADS + other]; }
  scores_out[n * params.K + i] = score + bias[0];
}

@group(0) @binding(3) var<storage, read> dscores: array<f32>;
@group(0) @binding(4) var<storage, read_write> dwords: array<f32>;
@group(0) @binding(5) var<storage, read_write> dgates: array<f32>;
@group(0) @binding(6) var<storage, read_write> dhidden: array<f32>;
@group(0) @binding(7) var<storage, read_write> dweight: array<f32>;

// Gradients of the scores of four words; 0 past the last.
fn four_dscores(n: u32, i: u32) -> vec4f {
  let words = vec4u(i, i + 1, i + 2, i + 3);
  let at = n * params.K + min(words, vec4u(params.K - 1));
  let d = vec4f(dscores[at.x], dscores[at.y], dscores[at.z], dscores[at.w]);
  return select(vec4f(0.0), d, words < vec4u(params.K));
}

@compute @workgroup_size(THREADS)
fn own_gradients(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let H = params.H;
  let j = group.x * THREADS + local;
  if (j >= H) { return; }
  let begin = group.y * params.context_chunk;
  let end = min(begin + params.context_chunk, params.N);
  let w = weight[j];
  var dw = vec4f(0.0);
  for (var n = begin; n < end; n++) {
    let state = states[(n / 8 * H + j) * 8 + n % 8];
    var sum = CellGradient(); // naga does not clear a variable in each round of a loop
    for (var i = 0u; i < params.K; i += EACH) {
      var m = Octet(vec4f(1.0), vec4f(1.0));
      if (DROPOUT) { m = mask(whole_row(n), i / 8, j); }
      let d_lo = m.lo * four_dscores(n, i);
      let lo = cells(n, i, j, state);
      let g_lo = cell_backward(lo, vec4f(state.z), vec4f(state.w), w * d_lo);
      dw += d_lo * lo.hidden;
      sum = add_gradients(sum, g_lo);
      store_words(g_lo, n, i, j);
      if (EACH > 4) {
        let d_hi = m.hi * four_dscores(n, i + 4);
        let hi = cells(n, i + 4, j, state);
        let g_hi = cell_backward(hi, vec4f(state.z), vec4f(state.w), w * d_hi);
        dw += d_hi * hi.hidden;
        sum = add_gradients(sum, g_hi);
        store_words(g_hi, n, i + 4, j);
      }
    }
    let to = n * 3 * H + j;
    dgates[to] = total(sum.r);
    dgates[to + H] = total(sum.z);
    dgates[to + 2 * H] = total(sum.state_n);
    dhidden[n * H + j] = total(sum.h);
  }
  dweight[group.y * H + j] = total(dw);
}

fn store_words(g: CellGradient, n: u32, i: u32, j: u32) {
  store_word(vec3f(g.r.x, g.z.x, g.word_n.x), n, i, j);
  store_word(vec3f(g.r.y, g.z.y, g.word_n.y), n, i + 1, j);
  store_word(vec3f(g.r.z, g.z.z, g.word_n.z), n, i + 2, j);
  store_word(vec3f(g.r.w, g.z.w, g.word_n.w), n, i + 3, j);
}

fn store_word(d: vec3f, n: u32, i: u32, j: u32) {
  if (i >= params.K) { return; }
  let to = word_at(n, i, j);
  dwords[to] = d.x;
  dwords[to + params.H] = d.y;
  dwords[to + 2 * params.H] = d.z;
}
