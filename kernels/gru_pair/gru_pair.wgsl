// Scores of K candidate words in N contexts, every word in every context, and their gradients.
//
// pack_words:  packed[i / TILE, j, gate, i % TILE] = the halves of word i's gates (see cell_of), 0 past K.
// pack_states: packed[n / 8, j, n % 8] = the halves of context n's gates, and h; 0 past N.
// scores:      scores[n, i] as in _gru_pair_cell.wgsl.
// gradients:   from dscores [N, K]: dwords[c, i, :] summed over the contexts of part c, dgates[d, n, :] and
//              dhidden[d, n, :] summed over the words of part d, dweight[c, d, :] over both.
// Shapes: gates [K, 3H] of words or [N, 3H] of contexts, hidden [N, H], weight [H], bias [1], scores and
//         dscores [N, K], words [ceil(K / TILE), H, 3, TILE] with TILE = THREADS * WORDS,
//         states [ceil(N / 8), H, 8] of vec4 (r, z, n, h); dwords [parts of contexts, K, 3H],
//         dgates and dhidden [parts of words, N, 3H or H], dweight [both, H].
// Dispatch: pack_*: 1-D over the elements [*, j, *] (one a thread), folded;
//           scores: (ceil(N / 8), ceil(K / TILE), 1), a thread owns WORDS words in eight contexts;
//           gradients: (ceil(H / THREADS), parts of contexts, parts of words), a thread owns a unit; further
//           launches take the remaining contexts and words.
// Determinism: sums in rising order; masks are functions of (context, word, unit).

override THREADS: u32 = 64;
override WORDS: u32 = 1; // 1 or 4

// Gates' halves and h of a unit in eight contexts.
struct State {
  r: Octet,
  z: Octet,
  n: Octet,
  h: Octet,
}

@group(0) @binding(0) var<storage, read> gates: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed_words: array<f32>;

@compute @workgroup_size(64)
fn pack_words(group: Group, @builtin(local_invocation_index) local: u32) {
  let tile = THREADS * WORDS;
  let index = thread_index(group, local);
  let place = index % tile;
  let row = index / tile; // of [tiles, H]
  let i = row / params.H * tile + place;
  if (row >= (params.K + tile - 1) / tile * params.H) { return; }
  let source = min(i, params.K - 1) * 3 * params.H + row % params.H;
  let raw = vec3f(gates[source], gates[source + params.H], gates[source + 2 * params.H]);
  let half = half_gate(vec4f(raw, 0.0)); // words past the last are the last again, and have no scores
  let to = row * 3 * tile + place;
  packed_words[to] = half.x;
  packed_words[to + tile] = half.y;
  packed_words[to + 2 * tile] = TWO_LOG2_E * raw.z;
}

@group(0) @binding(1) var<storage, read> hidden: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed_states: array<vec4f>;

@compute @workgroup_size(64)
fn pack_states(group: Group, @builtin(local_invocation_index) local: u32) {
  let index = thread_index(group, local);
  let row = index / 8; // of [octets, H]
  let octet = row / params.H;
  let n = octet * 8 + index % 8;
  if (octet >= (params.N + 7) / 8) { return; }
  let j = row % params.H;
  let source = min(n, params.N - 1) * params.H;
  let g = 3 * source + j;
  let raw = vec3f(gates[g], gates[g + params.H], gates[g + 2 * params.H]);
  let half = half_gate(vec4f(raw, 0.0));
  let state = vec4f(half.xy, TWO_LOG2_E * raw.z, hidden[source + j]);
  packed_states[index] = select(vec4f(0.0), state, n < params.N);
}

@group(0) @binding(0) var<storage, read> states: array<vec4f>;
@group(0) @binding(1) var<storage, read> words: array<f32>;
@group(0) @binding(2) var<storage, read> words4: array<vec4f>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> scores_out: array<f32>;

// Adds a unit's part to the scores of word i in eight contexts.
fn add_unit(sum: Octet, word: vec3f, state: State, w: f32, octet: u32, i: u32, j: u32) -> Octet {
  let word_n = vec4f(word.z);
  let lo = cell_of(word.x * state.r.lo, word.y * state.z.lo, word_n, state.n.lo, state.h.lo);
  let hi = cell_of(word.x * state.r.hi, word.y * state.z.hi, word_n, state.n.hi, state.h.hi);
  if (DROPOUT) {
    let m = mask_of_contexts(octet, params.first + i, j);
    return Octet(fma(w * m.lo, lo.hidden, sum.lo), fma(w * m.hi, hi.hidden, sum.hi));
  }
  return Octet(fma(vec4f(w), lo.hidden, sum.lo), fma(vec4f(w), hi.hidden, sum.hi));
}

@compute @workgroup_size(THREADS)
fn scores(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let octet = group.x;
  let i = (group.y * THREADS + local) * WORDS;
  let tile = THREADS * WORDS;
  var at = group.y * params.H * 3 * tile + local * WORDS;
  var s0: Octet;
  var s1: Octet;
  var s2: Octet;
  var s3: Octet;
  for (var j = 0u; j < params.H; j++) {
    let state = state_of_all(octet, j, local);
    let w = weight[j];
    if (WORDS == 4) {
      let r = words4[at / 4];
      let z = words4[(at + tile) / 4];
      let n = words4[(at + 2 * tile) / 4];
      s0 = add_unit(s0, vec3f(r.x, z.x, n.x), state, w, octet, i, j);
      s1 = add_unit(s1, vec3f(r.y, z.y, n.y), state, w, octet, i + 1, j);
      s2 = add_unit(s2, vec3f(r.z, z.z, n.z), state, w, octet, i + 2, j);
      s3 = add_unit(s3, vec3f(r.w, z.w, n.w), state, w, octet, i + 3, j);
    } else {
      let word = vec3f(words[at], words[at + tile], words[at + 2 * tile]);
      s0 = add_unit(s0, word, state, w, octet, i, j);
    }
    at += 3 * tile;
  }
  store_scores(s0, octet, i);
  if (WORDS == 4) {
    store_scores(s1, octet, i + 1);
    store_scores(s2, octet, i + 2);
    store_scores(s3, octet, i + 3);
  }
}

fn store_scores(sum: Octet, octet: u32, i: u32) {
  if (i >= params.K) { return; }
  for (var q = 0u; q < 4; q++) {
    let n = octet * 8 + q;
    if (n < params.N) { scores_out[n * params.K + i] = sum.lo[q] + bias[0]; }
    if (n + 4 < params.N) { scores_out[(n + 4) * params.K + i] = sum.hi[q] + bias[0]; }
  }
}

// Gates' halves and h of a unit, of each thread's own, in eight contexts.
fn state_of_each(octet: u32, unit: u32) -> State {
  let at = (octet * params.H + unit) * 8;
  let lo = transpose(mat4x4f(states[at], states[at + 1], states[at + 2], states[at + 3]));
  let hi = transpose(mat4x4f(states[at + 4], states[at + 5], states[at + 6], states[at + 7]));
  return State(Octet(lo[0], hi[0]), Octet(lo[1], hi[1]), Octet(lo[2], hi[2]), Octet(lo[3], hi[3]));
}

@group(0) @binding(1) var<storage, read> word_gates: array<f32>;
@group(0) @binding(2) var<storage, read> dscores: array<f32>;
@group(0) @binding(4) var<storage, read_write> dwords: array<f32>;
@group(0) @binding(5) var<storage, read_write> dgates: array<f32>;
@group(0) @binding(6) var<storage, read_write> dhidden: array<f32>;
@group(0) @binding(7) var<storage, read_write> dweight: array<f32>;

@compute @workgroup_size(THREADS)
fn gradients(group: Group, @builtin(local_invocation_index) local: u32) {
  let H = params.H;
  let unit = group.id.x * THREADS + local;
  let j = min(unit, H - 1); // threads past the end repeat the last unit and store nothing
  let context_begin = params.context_first + group.id.y * params.context_chunk;
  let context_end = min(context_begin + params.context_chunk, params.N);
  let word_begin = params.word_first + group.id.z * params.word_chunk;
  let word_end = min(word_begin + params.word_chunk, params.K);
  let w = weight[j];
  var dw = vec4f(0.0);
  for (var n = context_begin; n < context_end; n += 8) {
    let state = state_of_each(n / 8, j);
    var sum_lo = CellGradient(); // naga does not clear a variable in each round of a loop
    var sum_hi = CellGradient();
    for (var i = word_begin; i < word_end; i++) {
      let at = i * 3 * H + j;
      let raw = vec3f(word_gates[at], word_gates[at + H], word_gates[at + 2 * H]);
      let half = half_gate(vec4f(raw, 0.0));
      let word_n = vec4f(TWO_LOG2_E * raw.z);
      let lo = cell_of(half.x * state.r.lo, half.y * state.z.lo, word_n, state.n.lo, state.h.lo);
      let hi = cell_of(half.x * state.r.hi, half.y * state.z.hi, word_n, state.n.hi, state.h.hi);
      var d = dscores_of_all(n, i, local);
      if (DROPOUT) {
        let m = mask_of_contexts(n / 8, params.first + i, j);
        d = Octet(d.lo * m.lo, d.hi * m.hi);
      }
      dw += d.lo * lo.hidden + d.hi * hi.hidden;
      let d_lo = cell_backward(lo, state.n.lo, state.h.lo, w * d.lo);
      let d_hi = cell_backward(hi, state.n.hi, state.h.hi, w * d.hi);
      sum_lo = add_gradients(sum_lo, d_lo);
      sum_hi = add_gradients(sum_hi, d_hi);
      if (unit < H) {
        add_word(group.id.y * params.K * 3 * H + at, d_lo, d_hi,
          params.add_words == 1 || n > context_begin);
      }
    }
    if (unit < H) {
      store_states(sum_lo, group.id.z, n, j);
      store_states(sum_hi, group.id.z, n + 4, j);
    }
  }
  if (unit < H) {
    let to = (group.id.y + group.id.z * group.count.y) * H + j;
    dweight[to] = total(dw) + select(0.0, dweight[to], params.add_weight == 1);
  }
}

fn add_word(to: u32, lo: CellGradient, hi: CellGradient, add: bool) {
  var d = vec3f(total(lo.r + hi.r), total(lo.z + hi.z), total(lo.word_n + hi.word_n));
  if (add) { d += vec3f(dwords[to], dwords[to + params.H], dwords[to + 2 * params.H]); }
  dwords[to] = d.x;
  dwords[to + params.H] = d.y;
  dwords[to + 2 * params.H] = d.z;
}

fn store_states(sum: CellGradient, part: u32, first: u32, j: u32) {
  for (var q = 0u; q < 4; q++) {
    let n = first + q;
    if (n >= params.N) { return; }
    let h = (part * params.N + n) * params.H + j;
    let g = h + 2 * (part * params.N + n) * params.H;
    var d = vec4f(sum.r[q], sum.z[q], sum.state_n[q], sum.h[q]);
    if (params.add_states == 1) {
      d += vec4f(dgates[g], dgates[g + params.H], dgates[g + 2 * params.H], dhidden[h]);
    }
    dgates[g] = d.x;
    dgates[g + params.H] = d.y;
    dgates[g + 2 * params.H] = d.z;
    dhidden[h] = d.w;
  }
}
